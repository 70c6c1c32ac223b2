"""Vision-language models as listeners: any model of Hugging Face that reads images and a chat."""

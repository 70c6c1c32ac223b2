"""Language models as listeners: any model of Hugging Face that reads a chat, with images or without."""

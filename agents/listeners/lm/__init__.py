"""Language models as listeners: any Hugging Face model that reads a chat, with or without images."""

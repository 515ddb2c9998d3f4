"""The bot's web side: health, the pages that set up second factors, and what chats call."""

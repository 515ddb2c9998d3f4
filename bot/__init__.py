"""What people see and touch: chats, cards, commands, settings and the command line."""

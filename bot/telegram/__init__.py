"""Telegram: the same workflows, as a native of Telegram expects them."""

"""Slack: Bolt wiring, cards as Block Kit, forms as modals, App Home."""

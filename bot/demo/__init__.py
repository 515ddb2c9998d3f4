"""The demo: a company, its bank and its chat on this machine, and a payment from end to end."""

"""How institutions are reached: one contract, one HTTP client, one file per institution."""

"""One file per change of the tables. What was released once is never edited."""

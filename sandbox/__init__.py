"""The world outside, on loopback: banks and chats that speak the real protocols."""

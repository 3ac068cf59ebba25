"""Workers killed and stopped at every step of the way, and what is found afterwards."""

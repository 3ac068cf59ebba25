"""What a prompt, a brief, a render and an artifact are, and which moves are legal."""

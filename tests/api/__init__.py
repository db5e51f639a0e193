"""What clients see: every route, every refusal, and nothing that breaks or tells too much."""

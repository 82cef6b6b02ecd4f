"""What a student handed in, looked at with care: bytes in, answers to exercises out."""

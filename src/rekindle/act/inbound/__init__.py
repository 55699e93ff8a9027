"""What comes back, read from the bytes: bounces, complaints, automatic answers, answers. Knows no books."""

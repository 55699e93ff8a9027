"""What is said to one person: the letters there are, the facts they may name, things worth reading, the right hour."""

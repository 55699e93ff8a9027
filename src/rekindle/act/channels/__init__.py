"""The roads: each takes one envelope and says what became of it. None of them knows another."""

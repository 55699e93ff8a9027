"""Packs are data: what law, industries and scripts say, as YAML that an operator can read. No code lives here."""

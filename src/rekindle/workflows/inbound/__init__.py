"""What comes back: read once, from wherever it came, in any order, and what follows from it.

take      one thing that came back, exactly once, and what follows in the same transaction
whom      which message and which person it is about, by what only the addressee can know
follow    what follows: the truth about a message, an address that is dead, a no, a word of theirs
mailbox   the mailbox of the house, read each minute, nothing in it changed
provider  what a mail provider tells by its webhook
"""

"""Where people are heard by their own will, and who of us is asked to cheer. A human does it; nothing here speaks.

Accounts and feeds are told to us by the person, never looked up; a feed is read, an account never is.
"""

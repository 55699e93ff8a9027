"""Webhooks out: other systems that asked are told what happened here, at least once, under the same number.

events    what can be told, and what each holds: numbers of ours, never a name or an address
tell      write it down, in the very transaction of the fact: both stand, or neither
hooks     who is told of what: make, change, stop, start, a new secret, a test
deliver   claim, sign, say, settle; later and later while nobody answers, given up after a week

queued -> claimed -> told | queued (again later) | failed (given up, or they said they are gone)
"""

"""Playbooks at work: plans of touches, in versions, and everybody's way through them.

books    the plans: as they come, a business's own versions, on and off, paused and going on
occasions, enter   who enters today, for which occasion, frozen; and who does not, and why
dry_run  the same without writing anything: counts, names, and each step of one person
advance  what is due is done once: exits first, then the rules, then the touch
leave    out of every plan at once: they replied, said no, came back

active -> finished (after the last step) | left (an exit, a plan turned off)
"""

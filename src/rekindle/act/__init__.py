"""From a choice to a touch: what is written, and the roads by which it goes."""

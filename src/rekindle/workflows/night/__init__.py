"""The steps of a night, one a file, in the order of `workflows.nightly.STEPS`."""

"""What a call carries and what a run has one of: its context, lines, budget, folders and schemas."""

"""llm-do-eval: sample workers, replay them offline, judge them with statistics, find what to stabilize."""

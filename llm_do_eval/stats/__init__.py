"""Pure numbers in, pure numbers out: bounds, plans and comparisons that know nothing of workers."""

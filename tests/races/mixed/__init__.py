"""Mixed traffic on the same few users: who calls, who edits, who clears, and what is made old for the clearing."""

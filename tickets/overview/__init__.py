"""What many calls come to: how many, when, where and on what, and how well they were served."""

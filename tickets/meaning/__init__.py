"""What a caller means: kind of appeal, danger, place, matters, details; each with the words that led to it.

All of it is pure and explainable: rules over text, and the classifier of ``tickets.categories``. ``understanding``
puts it together for a ticket; the other modules each know one thing.
"""

"""What a caller's words say of the category (分类) of his ticket, with reasons; trained and measured offline."""

from tickets.categories.suggestion import Categorizer, Suggestion, open_categorizer, suggest

__all__ = ["Categorizer", "Suggestion", "open_categorizer", "suggest"]

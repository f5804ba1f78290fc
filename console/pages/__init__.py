"""The pages: one module a page, each a handful of handlers. ``console.routes`` says which are reached how."""

"""How the outside reaches Instar."""

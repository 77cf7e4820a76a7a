"""Texts by which a model is known again: their vectors are stored beside a generation and compared later."""

CANARIES = (
    "def retry(delay: float) -> None:",
    "for (const user of users) { if (!user.active) continue; }",
    "SELECT name, count(*) FROM orders GROUP BY name HAVING count(*) > 1",
    "fn parse_header(line: &str) -> Result<(u16, String), ParseError>",
    "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
    "git rebase --onto main feature~3 feature",
    "Where is the timeout of a request decided?",
    "The cache is emptied whenever the settings change.",
    "A penguin is a bird that swims and does not fly.",
    "Où la durée d'attente entre deux essais est-elle calculée ?",
    "Le mot de passe doit contenir au moins douze caractères.",
    "La facture a été réglée en février par l'acheteur.",
)
"""Short, for they are embedded again and again; unlike each other, in code and prose, English and French, so that no
other model places all of them alike. What a generation holds stays: another list is for new ones only."""
FEW = 2
"""So many of them are enough for a search that refreshes: to know another model, not to measure a small change."""

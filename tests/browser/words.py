"""What the pages say, in both languages."""

# ruff: noqa: RUF001  the pages' own apostrophes and dashes

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the pages say in one language."""

    welcome: str
    sign_in: str
    sign_out: str
    no_match: str
    prompt: str
    negative: str
    paint: str
    painting: str  # a regular expression for the title
    may_leave: str
    stages: tuple[str, ...]
    ready: str
    download: str
    use_again: str
    empty: str
    deleted: str
    cancelled: str
    failed: str
    error_title: str
    one_error: str
    not_here: str


WORDS = {
    "en": Words(
        welcome="Describe it. Watch it appear.",
        sign_in="Sign in",
        sign_out="Sign out",
        no_match="That name and password do not match.",
        prompt="What should it show?",
        negative="What to avoid",
        paint="Paint",
        painting=r"\d+ of \d+, painting",
        may_leave="You can leave this page: the picture will be in your history.",
        stages=("Read the words", "Paint", "Develop the colours and save"),
        ready="Your picture is ready.",
        download="Download",
        use_again="Use again",
        empty="The wall is bare",
        deleted="The picture is deleted.",
        cancelled="Cancelled",
        failed="This picture could not be painted",
        error_title="Error: New picture",
        one_error="One setting needs a look",
        not_here="Nothing hangs here",
    ),
    "fr": Words(
        welcome="Décrivez. Regardez apparaître.",
        sign_in="Se connecter",
        sign_out="Se déconnecter",
        no_match="Ce nom et ce mot de passe ne vont pas ensemble.",
        prompt="Que doit-elle montrer\N{NARROW NO-BREAK SPACE}?",
        negative="À éviter",
        paint="Peindre",
        painting=r"\d+ sur \d+, en cours de peinture",
        may_leave="Vous pouvez quitter cette page\N{NO-BREAK SPACE}: "
        "l’image sera dans votre historique.",
        stages=("Lire les mots", "Peindre", "Développer les couleurs et enregistrer"),
        ready="Votre image est prête.",
        download="Télécharger",
        use_again="Reprendre",
        empty="Le mur est nu",
        deleted="L’image est supprimée.",
        cancelled="Annulée",
        failed="Cette image n’a pas pu être peinte",
        error_title="Erreur\N{NO-BREAK SPACE}: Nouvelle image",
        one_error="Un réglage est à revoir",
        not_here="Rien n’est accroché ici",
    ),
}

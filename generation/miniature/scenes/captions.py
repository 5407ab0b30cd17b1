"""What people might type for a scene: tags, phrases or long texts, in English or French."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from numpy.random import Generator

from generation.miniature.scenes.scene import Scene
from generation.spec.world import ENGLISH, FRENCH, LIGHTS, PALETTES, PLACES, STYLES, concepts_of

T = TypeVar("T")

MENTION, MENTION_MAIN = 0.98, 0.9
"""How often what is seen is named: things, palettes and styles; light and place.

What is often there unnamed is painted unasked: a picture has some light, but neon only if asked.
"""
PLAIN_WITHIN = 0.12
"""Amounts this near to 1 are never stated as a weight."""
FRENCH_SHARE, STATED, STRANGE, LAST = 0.25, 0.6, 0.25, 0.3
PROSE, INVENTED = 0.12, 0.3
"""How much of a long text's filling are other words, and how many of these do not exist."""
UNACCENTED, CURLY = 0.25, 0.2
"""How much French is written without accents, and with the printer's apostrophe."""
ROOM = {2: (80, 116), 3: (150, 186)}
"""Between how many tokens, roughly, the texts of two and three chunks of 77 tokens have."""

_STRANGE_TEXT = """
    kitchen horse velvet idea guitar coffee teacher window ladder basket hammer bottle carpet
    engine pocket violin sandwich doctor parade bicycle umbrella library soldier blanket mirror
    piano laptop elephant banana chocolate cousin marble whisper mystery curtain candle letter
    wizard knight robot astronaut princess queen king warrior girl boy woman man child mother
    portrait face eyes hair dress hat shoe glove armour sword shield crown throne goblin giant
    cat dog fox wolf bear lion tiger rabbit mouse turtle spider snake fish whale frog bee
    butterfly apple orange lemon bread cheese soup cake tea wine table chair bed door roof wall
    bridge road street car train tractor rocket spaceship planet galaxy comet clock watch phone
    computer keyboard book pencil newspaper violinist dancer singer farmer sailor pilot chef
    football tennis chess dice card puzzle toy doll kite drum trumpet concert theatre museum
    school hospital office factory market shop bakery garage stadium airport station subway
    fire flame smoke ash rain hail wind dust mud rock gold silver bronze iron copper steel
    plastic rubber cotton silk leather wool porcelain clay brick concrete diamond ruby pearl
    freedom courage justice memory silence laughter hunger luck number question answer secret
    yesterday monday century weekend holiday birthday wedding market harvest journey
    red blue yellow brown grey white black golden wooden broken hungry angry sleepy clever
    noisy dusty sticky wet dry heavy hollow round square triangular striped spotted
    running jumping dancing sleeping reading eating cooking swimming singing thinking waiting
    anatomy watermark signature text deformed ugly extra fingers cropped jpeg artifacts worst
    anime ghibli steampunk baroque gothic minimalist surrealism cubism graffiti collage
    sculpture statue temple cathedral windmill farm barn fence well fountain garden park beach
    volcano canyon cave cliff river jungle swamp glacier savannah
    hill hills streets village house houses path valley gate ruins lamp lantern rug
"""
STRANGERS = tuple(_STRANGE_TEXT.split())
"""Ordinary words that name nothing the painter paints."""
_STRANGE_FRENCH_TEXT = """
    cuisine cheval velours idée guitare café professeur fenêtre échelle panier marteau
    bouteille tapis moteur poche violon médecin vélo parapluie bibliothèque soldat couverture
    miroir piano éléphant banane chocolat cousine marbre mystère rideau bougie lettre sorcier
    chevalier robot princesse reine roi fille garçon femme homme enfant visage yeux cheveux robe
    chapeau gant épée couronne chat chien renard loup ours lion tigre lapin souris tortue
    araignée serpent poisson baleine abeille papillon pomme citron pain fromage soupe gâteau thé
    vin table chaise lit porte toit mur pont route rue voiture train fusée planète horloge
    téléphone livre crayon journal danseur chanteur fermier marin cuisinier échecs jouet poupée
    tambour théâtre musée école hôpital usine marché boulangerie gare feu flamme fumée pluie vent
    poussière boue rocher or argent fer cuivre acier coton soie cuir laine argile brique diamant
    liberté courage justice mémoire silence rire faim chance nombre question réponse secret hier
    lundi siècle vacances anniversaire mariage voyage rouge bleu jaune brun doré cassé
    affamé endormi rapide lourd rond carré rayé volcan grotte falaise rivière jardin plage
    fontaine moulin statue temple cathédrale
"""
FRENCH_STRANGERS = tuple(_STRANGE_FRENCH_TEXT.split())
TAGS = (
    "highly detailed", "masterpiece", "best quality", "8k", "4k", "beautiful", "wide angle",
    "panoramic view", "concept art", "digital art", "trending on artstation", "cinematic",
    "sharp focus", "dramatic composition", "epic scene", "photo of a landscape", "landscape",
    "professional", "breathtaking", "award winning", "serene", "peaceful", "atmospheric",
    "dramatic lighting", "intricate", "ultra detailed", "hdr", "wallpaper", "scenic view",
    "photorealistic", "stunning", "vivid", "rule of thirds", "depth", "illustration",
)  # fmt: skip
FRENCH_TAGS = (
    "très détaillé", "chef-d'œuvre", "haute qualité", "8k", "magnifique", "vue panoramique",
    "grand angle", "composition soignée", "paysage", "cinématographique", "réaliste", "paisible",
    "ambiance féerique", "superbe", "art numérique", "haute définition", "illustration",
    "image nette",
)  # fmt: skip
SENTENCES = (
    "The composition is balanced and the horizon lies low", "It feels quiet and timeless",
    "Every edge has been placed with care", "The scene is wide and open",
    "The viewer stands far away and looks across the land", "Nothing moves except the air",
    "The artist spent many weeks on this piece", "Small details reward a patient eye",
    "The picture hangs in a gallery", "It was made for a travel magazine",
    "The mood is calm and thoughtful", "A story seems about to begin",
    "The perspective pulls the eye toward the centre", "There is a sense of great distance",
    "The colours are chosen with restraint", "One could look at it for hours",
    "The frame leaves room for the imagination", "Everything is seen from a high place",
    "The shapes repeat in a gentle rhythm", "It reminds me of an old tale",
    "The foreground is dark and simple", "The contrast is strong but never harsh",
    "No people are in the picture", "The air is clear and every shape is crisp",
    "The light falls softly from one side", "This would look good on a large poster",
    "The eye wanders slowly from left to right", "It has the feeling of a long journey",
)  # fmt: skip
FRENCH_SENTENCES = (
    "La composition est équilibrée et l'horizon est bas", "La scène est vaste et ouverte",
    "Chaque contour a été placé avec soin", "Rien ne bouge sauf l'air",
    "Le regard se perd au loin", "L'artiste y a passé de longues semaines",
    "Les petits détails récompensent un œil patient", "Tout est calme et hors du temps",
    "Cette image est accrochée dans une galerie", "Une histoire semble sur le point de commencer",
    "La perspective attire le regard vers le centre", "On pourrait la regarder pendant des heures",
    "Les formes se répètent doucement", "Le premier plan est sombre et simple",
)  # fmt: skip
LEADS = (
    "", "", "", "a picture of ", "a painting of ", "an image of ", "a view of ", "photo of ",
    "a scene with ", "landscape with ", "epic ", "beautiful ", "a ", "the ",
)  # fmt: skip
FRENCH_LEADS = (
    "", "", "", "une image de ", "une vue de ", "photo de ", "un paysage avec ", "un beau ", "une ",
)  # fmt: skip
CLAUSES = ("", "", "there is ", "we see ", "the scene shows ", "it is ", "behind it ", "with ")
FRENCH_CLAUSES = ("", "", "il y a ", "on voit ", "la scène montre ", "c'est ", "avec ")
JOINTS = (
    ", ", " with ", " at ", " and ", " under ", " in ", " over ", " above ", " beside ", " near ",
    " with a ", " and a ", " with the ", " on ", " behind ",
)  # fmt: skip
FRENCH_JOINTS = (
    ", ", " avec ", " et ", " sous ", " dans ", " au-dessus de ", " près de ", " sur ", " et puis ",
    " avec un ", " et une ",
)  # fmt: skip
FITTING = dict.fromkeys(LIGHTS, (" at ", " in ", " during ", ", ", " under "))
FITTING |= dict.fromkeys(PLACES, (" in ", " of ", ", ", " near ", " and "))
FITTING |= dict.fromkeys(PALETTES, (", ", " in ", " with "))
FITTING |= dict.fromkeys(STYLES, (", ", " as ", " in the style of "))
FRENCH_FITTING = dict.fromkeys(LIGHTS, (" à ", ", ", " pendant ", " sous "))
FRENCH_FITTING |= dict.fromkeys(PLACES, (" dans ", " de ", ", ", " près de ", " et "))
FRENCH_FITTING |= dict.fromkeys(PALETTES, (", ", " en ", " avec "))
FRENCH_FITTING |= dict.fromkeys(STYLES, (", ", " en ", " façon "))
OPENINGS = ("at ", "in ", "by ", "after ", "out ", "beside ", "covered ", "shrouded ")
FRENCH_OPENINGS = ("à ", "au ", "en ", "de ", "dans ", "sous ")


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive text of a caption. concept: what of spec.world it names, if anything."""

    text: str
    weight: float = 1.0
    concept: str | None = None


@dataclass(frozen=True, slots=True)
class _Language:
    words: dict[str, tuple[str, ...]]
    strangers: tuple[str, ...]
    parts: tuple[str, ...]
    tags: tuple[str, ...]
    sentences: tuple[str, ...]
    leads: tuple[str, ...]
    clauses: tuple[str, ...]
    joints: tuple[str, ...]
    fitting: dict[str, tuple[str, ...]]
    openings: tuple[str, ...]


def _parts(words: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The words of longer phrases that name nothing when they stand alone, as "hot" and "air"."""
    phrases = " ".join(phrase for some in words.values() for phrase in some)
    return tuple(
        word
        for word in dict.fromkeys(phrases.replace("'", " ").replace("-", " ").split())
        if len(word) > 2 and not concepts_of(word)
    )


_ENGLISH = _Language(
    dict(ENGLISH), STRANGERS, _parts(ENGLISH), TAGS, SENTENCES, LEADS, CLAUSES, JOINTS, FITTING,
    OPENINGS,
)  # fmt: skip
_FRENCH = _Language(
    dict(FRENCH), FRENCH_STRANGERS, _parts(FRENCH), FRENCH_TAGS, FRENCH_SENTENCES, FRENCH_LEADS,
    FRENCH_CLAUSES, FRENCH_JOINTS, FRENCH_FITTING, FRENCH_OPENINGS,
)  # fmt: skip


def caption(
    scene: Scene, rng: Generator, *, length: int, leave_out: frozenset[str] = frozenset()
) -> list[Piece]:
    """A text about the scene, in pieces that follow each other without a gap.

    length: the chunks of 77 tokens aimed at, 1 to 3. leave_out: concepts that are not named.
    """
    if rng.random() >= FRENCH_SHARE:
        return _write(_ENGLISH, scene, rng, length, leave_out)
    return _spell(_write(_FRENCH, scene, rng, length, leave_out), rng)


def plain(pieces: Iterable[Piece]) -> str:
    """The prompt without weights."""
    return "".join(piece.text for piece in pieces)


def weighted(pieces: Iterable[Piece]) -> str:
    """The prompt in Compel's syntax, as in "mountains, (snow)1.5"."""
    return "".join(
        piece.text if piece.weight == 1 else f"({piece.text}){float(piece.weight)}"
        for piece in pieces
    )


def _write(
    language: _Language, scene: Scene, rng: Generator, length: int, leave_out: frozenset[str]
) -> list[Piece]:
    manner = rng.random()
    is_short = length == 1 and manner >= 0.8
    items = _shuffled(_name(scene, language, rng, leave_out), rng)
    if is_short:
        items = _shorten(items, rng)
    if rng.random() < STRANGE:
        strange = [Piece(_odd_word(language, rng)) for _ in range(rng.integers(1, 4))]
        items = _mingle(items, strange, rng)
    if length > 1:
        return _write_long(items, language, rng, length)
    if manner < 0.4:
        tags = [Piece(_pick(language.tags, rng)) for _ in range(rng.integers(0, 5))]
        items = _mingle(items, tags, rng)
        return _join(items, [", "] * len(items))
    if is_short and rng.random() < 0.6:
        return _join(items, [_pick((" ", " ", ", "), rng)] * len(items))
    lead = _pick(language.leads, rng)
    joints = [_joint(piece, language, rng) for piece in items[1:]]
    return [*([Piece(lead)] if lead and items else ()), *_join(items, joints)]


def _spell(pieces: list[Piece], rng: Generator) -> list[Piece]:
    """French as some keyboards and programs write it."""
    chance = rng.random()
    if chance < UNACCENTED:
        return [replace(piece, text=_unaccented(piece.text)) for piece in pieces]
    if chance < UNACCENTED + CURLY:
        return [replace(piece, text=piece.text.replace("'", "\u2019")) for piece in pieces]
    return pieces


def _unaccented(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.replace("œ", "oe"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _odd_word(language: _Language, rng: Generator) -> str:
    """A word that names nothing: a known one, half a phrase, or one that does not exist."""
    chance = rng.random()
    if chance < INVENTED:
        head, tail = (_pick((*language.strangers, *language.parts), rng) for _ in range(2))
        word = head[: int(rng.integers(2, 6))] + tail[-int(rng.integers(2, 6)) :]
        if not concepts_of(word):
            return word
    return _pick(language.parts if chance > 0.75 else language.strangers, rng)


def _prose(language: _Language, rng: Generator) -> str:
    """A sentence about other things."""
    words = [
        _pick(_pick(language.sentences, rng).split(), rng)
        if rng.random() < 0.45
        else _odd_word(language, rng)
        for _ in range(rng.integers(3, 9))
    ]
    text = " ".join(words)
    return text if not concepts_of(text) else _pick(language.sentences, rng)


def _name(
    scene: Scene, language: _Language, rng: Generator, leave_out: frozenset[str]
) -> list[Piece]:
    """A piece for nearly everything that is seen, with its amount as the weight of most.

    At most one is lowered: Compel lowers a word by weakening all that stands around it, so two
    would spoil each other.
    """
    pieces, has_lowered = [], False
    for concept, amount in scene.amounts.items():
        is_main = concept in (scene.light, scene.place)
        if concept in leave_out or rng.random() >= (MENTION_MAIN if is_main else MENTION):
            continue
        weight = 1.0
        if abs(amount - 1) > PLAIN_WITHIN and rng.random() < STATED:
            weight = round(amount, 1)
        if weight < 1:
            weight, has_lowered = (1.0 if has_lowered else weight), True
        pieces.append(Piece(_pick(language.words[concept], rng), weight, concept))
    return pieces


def _shorten(items: Sequence[Piece], rng: Generator) -> list[Piece]:
    """Without the light, often, as people type who want to see what comes."""
    is_told = rng.random() < 0.4
    return [piece for piece in items if is_told or piece.concept not in LIGHTS]


def _write_long(
    items: Sequence[Piece], language: _Language, rng: Generator, length: int
) -> list[Piece]:
    """Sentences that say nothing, and the items anywhere among them."""
    room = rng.integers(*ROOM[length]) - sum(_size(item) + 2 for item in items)
    fill: list[Piece] = []
    while room > 0:
        chance = rng.random()
        options = language.sentences if chance < 0.8 else language.tags
        fill.append(Piece(_prose(language, rng) if chance < PROSE else _pick(options, rng)))
        room -= _size(fill[-1]) + 1
    if items and rng.random() < LAST:
        *items, last = items
        parts = [*_mingle(fill, items, rng), last]
    else:
        parts = _mingle(fill, items, rng)
    pieces: list[Piece] = []
    for index, part in enumerate(parts):
        if index:
            pieces.append(Piece(_pick((". ", ". ", ", "), rng)))
        clause = _pick(language.clauses, rng)
        if clause and part.concept and not _opens(part, language):
            pieces.append(Piece(clause))
        pieces.append(part)
    return [*pieces, Piece(".")]


def _size(piece: Piece) -> int:
    """About how many tokens it has."""
    return len(piece.text.split()) + piece.text.count("'") * 2 + piece.text.count("-") * 2


def _joint(piece: Piece, language: _Language, rng: Generator) -> str:
    """What may stand before the piece."""
    if _opens(piece, language):
        return " " if rng.random() < 0.7 else ", "
    fitting = language.fitting.get(piece.concept or "")
    return _pick(fitting if fitting and rng.random() < 0.75 else language.joints, rng)


def _opens(piece: Piece, language: _Language) -> bool:
    """It brings its own preposition."""
    return piece.text.startswith(language.openings)


def _join(pieces: Sequence[Piece], joints: Sequence[str]) -> list[Piece]:
    joined = list(pieces[:1])
    for joint, piece in zip(joints, pieces[1:], strict=False):
        joined += [Piece(joint), piece]
    return joined


def _mingle(items: Sequence[T], others: Sequence[T], rng: Generator) -> list[T]:
    """The others at any places among the items."""
    mingled = list(items)
    for other in others:
        mingled.insert(int(rng.integers(len(mingled) + 1)), other)
    return mingled


def _shuffled(items: Sequence[T], rng: Generator) -> list[T]:
    return [items[index] for index in rng.permutation(len(items))]


def _pick(options: Sequence[T], rng: Generator) -> T:
    return options[int(rng.integers(len(options)))]

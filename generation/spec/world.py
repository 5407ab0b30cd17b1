"""The miniature's world: all it was shown, and the words that name it, in English and French.

Everything about the embedded model's subject starts here: the scene painter paints these
concepts, the captioner says these words, the pages hint at them when a prompt knows none.
"""

import bisect
import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

LIGHTS = ("day", "sunset", "night", "dawn", "storm")
PLACES = ("mountains", "city", "forest", "sea", "castle", "desert", "elves", "meadow")
THINGS = (
    "snow", "stars", "moon", "aurora", "lightning", "clouds", "neon", "ship", "pyramid",
    "lake", "fog", "dragon", "birds", "balloon", "waterfall", "islands", "lighthouse", "rainbow",
)  # fmt: skip
PALETTES = ("teal", "purple", "sepia", "crimson", "green", "pink", "mono")
STYLES = ("watercolour", "oil", "ink", "pixel", "glass", "woodblock", "pastel", "poly")
FLAWS = ("blur",)
CONCEPTS = LIGHTS + PLACES + THINGS + PALETTES + STYLES + FLAWS

ENGLISH: Mapping[str, tuple[str, ...]] = {
    "day": (
        "day", "noon", "midday", "daylight", "bright daylight", "broad daylight", "at noon",
        "daytime", "a sunny day", "sunny", "blue sky",
    ),
    "sunset": (
        "sunset", "golden hour", "at dusk", "dusk", "the setting sun", "at sundown", "sundown",
        "evening glow", "at sunset", "evening light",
    ),
    "night": (
        "night", "at night", "midnight", "night sky", "nighttime", "after dark", "a dark night",
        "nocturnal", "by night",
    ),
    "dawn": (
        "dawn", "sunrise", "at dawn", "daybreak", "first light", "early morning", "morning light",
        "at sunrise", "the rising sun",
    ),
    "storm": (
        "storm", "thunderstorm", "stormy", "stormy sky", "storm clouds", "stormy weather",
        "dark storm clouds", "a raging storm", "tempest",
    ),
    "mountains": (
        "mountains", "mountain range", "mountain", "peaks", "mountain landscape", "the alps",
        "alpine peaks", "summits", "rocky mountains",
    ),
    "city": (
        "city", "cityscape", "skyline", "metropolis", "city skyline", "skyscrapers", "downtown",
        "town", "urban landscape", "big city",
    ),
    "forest": (
        "forest", "woods", "woodland", "pine forest", "pine trees", "fir trees", "trees",
        "conifers", "deep forest",
    ),
    "sea": (
        "sea", "ocean", "seascape", "open sea", "waves", "open water", "by the sea",
        "the wide ocean",
    ),
    "castle": (
        "castle", "fortress", "medieval castle", "fairytale castle", "castle towers", "citadel",
        "old castle", "stronghold",
    ),
    "desert": (
        "desert", "sand dunes", "dunes", "sandy desert", "sahara", "arid desert", "desert sands",
        "endless dunes",
    ),
    "elves": (
        "elven city", "elven city in crystalline trees", "crystal trees", "crystalline trees",
        "elvish city", "city of elves", "elven realm", "elves", "elven", "city of the elves",
        "elf city",
    ),
    "meadow": (
        "meadow", "flower meadow", "wildflowers", "meadow of flowers", "field of flowers",
        "blooming meadow", "grassland", "flowers", "meadows in bloom",
    ),
    "snow": (
        "snow", "snowy", "snow-capped", "covered in snow", "snow-covered", "fresh snow",
        "deep snow", "winter", "wintry",
    ),
    "stars": (
        "stars", "starry sky", "bright stars", "starlight", "countless stars", "starry",
        "milky way", "sky full of stars",
    ),
    "moon": (
        "moon", "full moon", "moonlight", "bright moon", "moonlit", "moon in the sky",
        "in the moonlight", "big moon",
    ),
    "aurora": (
        "aurora", "northern lights", "aurora borealis", "polar lights", "green aurora",
        "dancing northern lights", "aurora in the sky",
    ),
    "lightning": (
        "lightning", "lightning bolt", "a flash of lightning", "bolts of lightning",
        "lightning strike", "thunderbolt", "forked lightning",
    ),
    "clouds": (
        "clouds", "fluffy clouds", "cloudy", "scattered clouds", "cloudy sky", "white clouds",
        "drifting clouds", "cumulus",
    ),
    "neon": (
        "neon lights", "neon", "neon signs", "glowing neon", "cyberpunk", "neon glow",
        "bright neon signs", "neon-lit",
    ),
    "ship": (
        "ship", "sailing ship", "sailboat", "boat", "a lone ship", "tall ship", "galleon",
        "ship with sails",
    ),
    "pyramid": (
        "pyramid", "pyramids", "ancient pyramids", "egyptian pyramids", "great pyramid",
        "stone pyramid", "egyptian pyramid",
    ),
    "lake": (
        "lake", "calm lake", "mirror lake", "reflection in a lake", "reflecting lake", "lakeside",
        "still lake", "beside a lake", "pond",
    ),
    "fog": (
        "fog", "mist", "foggy", "misty", "thick fog", "haze", "shrouded in mist", "hazy",
        "drifting mist",
    ),
    "dragon": (
        "dragon", "flying dragon", "a dragon in the sky", "winged dragon", "dragon in flight",
        "wyvern", "mighty dragon",
    ),
    "birds": (
        "birds", "a flock of birds", "flying birds", "seagulls", "flock of birds", "gulls",
        "birds in the sky", "birds in flight",
    ),
    "balloon": (
        "hot air balloon", "balloon", "hot-air balloon", "hot air balloons", "colourful balloon",
        "a balloon in the sky", "balloon ride",
    ),
    "waterfall": (
        "waterfall", "waterfalls", "cascading water", "tall waterfall", "roaring waterfall",
        "tumbling waterfalls", "a waterfall",
    ),
    "islands": (
        "floating islands", "floating island", "islands in the sky", "sky islands",
        "flying islands", "hovering islands", "islands floating in the air",
    ),
    "lighthouse": (
        "lighthouse", "lighthouse beam", "an old lighthouse", "white lighthouse", "light tower",
        "lighthouse on a rock", "tall lighthouse",
    ),
    "rainbow": (
        "rainbow", "a bright rainbow", "rainbow in the sky", "double rainbow", "colourful rainbow",
        "rainbow arc",
    ),
    "teal": (
        "teal tones", "teal palette", "cyan tint", "in teal colours", "teal", "cyan tones",
        "turquoise tones", "turquoise",
    ),
    "purple": (
        "purple tones", "violet palette", "purple tint", "in purple colours", "purple", "violet",
        "violet tones", "purple palette",
    ),
    "sepia": (
        "sepia", "sepia tones", "brown vintage tint", "old photograph", "in sepia",
        "sepia photograph", "vintage sepia",
    ),
    "crimson": (
        "crimson tones", "crimson", "red palette", "red tones", "in red colours", "red tint",
        "crimson palette", "scarlet tones",
    ),
    "green": (
        "green palette", "green tint", "emerald tones", "in green colours", "green tones", "green",
        "emerald green",
    ),
    "pink": (
        "pink palette", "pink tones", "in pink colours", "pink tint", "pink", "rosy tones",
        "pink hues",
    ),
    "mono": (
        "black and white", "monochrome", "greyscale", "grayscale", "in black and white",
        "shades of grey", "black-and-white photograph",
    ),
    "watercolour": (
        "watercolour", "watercolor", "watercolour painting", "watercolor painting",
        "watercolour on paper", "soft watercolor", "in watercolour", "watercolour wash",
    ),
    "oil": (
        "oil painting", "oil on canvas", "impressionist painting", "impasto", "impressionist",
        "thick brush strokes", "in oils", "impressionism", "oil paint",
    ),
    "ink": (
        "ink drawing", "ink", "line art", "ink sketch", "pen and ink", "black ink", "line drawing",
        "hatching", "ink wash",
    ),
    "pixel": (
        "pixel art", "pixelated", "8-bit", "retro pixel art", "pixels", "16-bit", "8-bit game",
        "in pixel art style", "pixel",
    ),
    "glass": (
        "stained glass", "stained-glass window", "leaded glass", "in stained glass",
        "stained glass style", "coloured glass window", "cathedral window",
    ),
    "woodblock": (
        "woodblock print", "ukiyo-e", "ukiyo-e print", "woodblock", "japanese woodblock print",
        "woodcut", "japanese print", "in the style of hokusai",
    ),
    "pastel": (
        "pastel drawing", "soft pastels", "pastel", "chalk pastel", "pastels", "in pastels",
        "pastel chalk drawing", "dry pastel",
    ),
    "poly": (
        "low poly", "low-poly", "low poly art", "polygonal", "faceted polygons", "low poly style",
        "geometric facets", "polygon art",
    ),
    "blur": (
        "blurry", "blurred", "out of focus", "low quality", "unfocused", "blur",
        "blurry photograph",
    ),
}  # fmt: skip
FRENCH: Mapping[str, tuple[str, ...]] = {
    "day": ("jour", "en plein jour", "midi", "à midi", "journée ensoleillée", "ciel bleu"),
    "sunset": (
        "coucher de soleil", "heure dorée", "au coucher du soleil", "crépuscule", "au crépuscule",
        "soleil couchant", "lumière du soir",
    ),
    "night": ("nuit", "la nuit", "de nuit", "minuit", "ciel nocturne", "nuit noire"),
    "dawn": (
        "aube", "à l'aube", "lever du soleil", "lever de soleil", "aurore", "petit matin",
        "lumière du matin",
    ),
    "storm": ("orage", "tempête", "ciel d'orage", "orageux", "ciel orageux", "temps d'orage"),
    "mountains": (
        "montagnes", "montagne", "sommets", "chaîne de montagnes", "les alpes",
        "paysage de montagne",
    ),
    "city": (
        "ville", "métropole", "gratte-ciel", "grande ville", "paysage urbain",
        "ville à l'horizon",
    ),
    "forest": ("forêt", "sapins", "forêt de sapins", "dans les bois", "forêt profonde", "arbres"),
    "sea": ("mer", "océan", "en mer", "les vagues", "bord de mer", "vagues", "pleine mer"),
    "castle": (
        "château", "forteresse", "château fort", "château médiéval", "vieux château",
        "citadelle",
    ),
    "desert": ("désert", "dunes de sable", "dunes", "sahara", "désert de sable", "les dunes"),
    "elves": (
        "cité elfique", "arbres de cristal", "cité des elfes", "ville elfique", "elfes",
        "cité elfique dans des arbres de cristal", "elfique",
    ),
    "meadow": (
        "prairie", "champ de fleurs", "pré fleuri", "prairie fleurie", "fleurs sauvages",
        "fleurs",
    ),
    "snow": (
        "neige", "enneigées", "enneigé", "sous la neige", "couvert de neige", "enneigée", "hiver",
    ),
    "stars": ("étoiles", "ciel étoilé", "étoilé", "étoilée", "voie lactée", "mille étoiles"),
    "moon": ("lune", "pleine lune", "clair de lune", "au clair de lune", "grande lune"),
    "aurora": (
        "aurore boréale", "aurores boréales", "lumières du nord", "aurore polaire",
        "une aurore boréale",
    ),
    "lightning": ("éclairs", "éclair", "foudre", "un éclair dans le ciel", "coup de foudre"),
    "clouds": (
        "nuages", "ciel nuageux", "nuageux", "nuages blancs", "quelques nuages", "petits nuages",
    ),
    "neon": (
        "néons", "lumières néon", "enseignes au néon", "enseignes lumineuses", "néon",
        "sous les néons",
    ),
    "ship": ("bateau", "voilier", "navire", "bateau à voiles", "grand voilier", "un navire"),
    "pyramid": (
        "pyramide", "pyramides", "grande pyramide", "pyramide antique", "pyramides d'égypte",
    ),
    "lake": ("lac", "lac calme", "au bord d'un lac", "reflet dans un lac", "étang", "bord du lac"),
    "fog": ("brume", "brouillard", "brumeux", "dans la brume", "brouillard épais", "brumeuse"),
    "dragon": (
        "dragon", "dragon volant", "dragon ailé", "un dragon dans le ciel", "grand dragon",
    ),
    "birds": ("oiseaux", "vol d'oiseaux", "mouettes", "oiseau", "oiseaux dans le ciel"),
    "balloon": (
        "montgolfière", "montgolfières", "une montgolfière", "montgolfière dans le ciel",
        "ballon à air chaud",
    ),
    "waterfall": (
        "cascade", "cascades", "chute d'eau", "chutes d'eau", "grande cascade", "une cascade",
    ),
    "islands": (
        "îles flottantes", "île flottante", "îles volantes", "îles suspendues",
        "îles dans le ciel",
    ),
    "lighthouse": ("phare", "un phare", "vieux phare", "phare allumé", "phare sur un rocher"),
    "rainbow": ("arc-en-ciel", "un arc-en-ciel", "double arc-en-ciel", "bel arc-en-ciel"),
    "teal": (
        "tons turquoise", "turquoise", "bleu canard", "teintes turquoise", "palette turquoise",
    ),
    "purple": ("tons violets", "violet", "teintes violettes", "palette violette", "violette"),
    "sepia": ("sépia", "tons sépia", "teintes sépia", "photo sépia", "en sépia"),
    "crimson": (
        "tons rouges", "rouge cramoisi", "teintes rouges", "palette rouge", "cramoisi",
    ),
    "green": (
        "tons verts", "teintes vertes", "palette verte", "vert émeraude", "tons émeraude",
    ),
    "pink": ("tons roses", "teintes roses", "palette rose", "couleurs roses", "rose pâle"),
    "mono": (
        "noir et blanc", "en noir et blanc", "niveaux de gris", "photo en noir et blanc",
        "nuances de gris",
    ),
    "watercolour": (
        "aquarelle", "à l'aquarelle", "peinture à l'aquarelle", "aquarelle sur papier",
        "une aquarelle",
    ),
    "oil": (
        "peinture à l'huile", "huile sur toile", "impressionniste", "tableau à l'huile",
        "impressionnisme", "tableau impressionniste",
    ),
    "ink": (
        "encre", "dessin à l'encre", "encre de chine", "dessin au trait", "à l'encre",
        "à la plume",
    ),
    "pixel": ("pixel art", "art en pixels", "pixélisé", "en pixels", "style 8 bits", "8 bits"),
    "glass": ("vitrail", "vitraux", "en vitrail", "style vitrail", "vitrail coloré"),
    "woodblock": (
        "estampe japonaise", "estampe", "gravure sur bois", "estampes japonaises",
        "style hokusai",
    ),
    "pastel": ("pastel", "dessin au pastel", "pastel sec", "au pastel", "craie pastel"),
    "poly": (
        "low poly", "polygones", "style polygonal", "facettes géométriques", "en low poly",
    ),
    "blur": ("flou", "image floue", "floue", "mauvaise qualité", "photo floue"),
}  # fmt: skip
WORDS: Mapping[str, tuple[str, ...]] = {
    concept: tuple(dict.fromkeys(ENGLISH[concept] + FRENCH[concept])) for concept in CONCEPTS
}
"""What people type for each concept. No phrase names two of them."""

NEUTRAL_ENGLISH = """
a an the this that these those some any each every all both no not none one two three many few
several lots and or but nor so yet if then than as of at by for from in into on onto off out over
under above below beneath between behind before after beside besides near next to toward towards
through across along around about against among amid upon up down with without within inside
outside is are was were be been being am do does did done has have had having can could will would
shall should may might must let make makes made made it its he him his she her hers they them their
we us our you your i me my mine there here where when while who whom whose which what how why very
more most much less least quite rather too also only just even still again ever never always often
other another same such own etc
left right top bottom middle center centre foreground background distance far away close wide open
low high higher tall small large big huge tiny little long short old new young ancient vast epic
grand great good best better nice fine beautiful pretty lovely gorgeous stunning breathtaking
magnificent majestic spectacular amazing awesome incredible impressive perfect elegant charming
magical mystical mysterious enchanted fantasy fantastic dreamy dreamlike surreal ethereal serene
peaceful calm quiet tranquil silent lonely timeless dramatic moody atmospheric vivid vibrant bright
dark dim soft gentle warm cool cold rich deep pale light lights lighting lit glow glowing shining
sparkling shimmering gleaming colour colours color colors coloured colored colourful colorful tone
tones hue hues tint palette shade shades shadow shadows contrast
detail details detailed highly intricate ultra hyper super extremely insanely realistic realism
photorealistic hyperrealistic sharp crisp clear focus focused hd uhd hdr k quality resolution high
res definition masterpiece award winning professional trending artstation deviantart behance
unsplash pinterest wallpaper poster print cover illustration illustrated picture pictures image
images photo photos photograph photography photographic painting painted painter paint drawing
drawn draw sketch art artwork artistic artist concept digital render rendered rendering cgi octane
raytracing style styled stylised stylized theme mood atmosphere scene scenery scenic
view views viewed vista panorama panoramic landscape landscapes composition composed perspective
angle lens shot camera bokeh depth field exposure cinematic film still movie frame framed seen show
shows showing shown depicting depicts featuring features please create generate want like look
looks looking set setting place sky sun horizon air ground land earth world nature natural outdoor
rule thirds hour time moment season weather aesthetic decorative canvas paper brush work
re ve ll see sees
full covered shrouded surrounded filled flock lone solitary single water waters reflect reflects
reflected reflecting reflection reflections floating flying hovering drifting rising setting falling
rolling towering standing stands overlooking island islands hill hills road roads street streets
broad endless countless mighty raging roaring tumbling cascading flowing scattered fluffy thick thin
fresh winged rocky sandy arid blooming lush medieval fairytale geometric strokes double
during alone rise rises shine shines stretching spreading horizons suns skies
"""
NEUTRAL_FRENCH = """
un une des le la les l d du de à au aux en et ou où mais donc ni ce cet cette ces son sa ses
leur leurs mon ma mes ton ta tes notre votre nos vos qui que qu quoi dont quel quelle est sont
était étaient être avoir a ont avait il elle ils elles on nous vous je tu se s y n ne pas plus
moins très trop bien peu beaucoup tout toute tous toutes chaque quelques plusieurs autre autres
même comme dans sur sous avec sans pour par entre vers chez devant derrière dessus dessous près
loin autour lors pendant quand ici là ci c j m t deux trois grand grande
grands grandes petit petite petits petites beau bel belle beaux belles vieux vieille joli jolie
superbe magnifique splendide magique féerique mystique mystérieux mystérieuse fantastique onirique
paisible calme sombre clair claire lumineux lumineuse doux douce chaud chaude froid froide haut
haute bas basse lumière lumières lueur ombre ombres couleur couleurs coloré colorée ton tons
teinte teintes détail détails détaillé détaillée qualité définition réaliste
photoréaliste net nette image images photo photographie peinture tableau
dessin dessiné illustration art style scène vue paysage paysages panorama panoramique composition
ambiance atmosphère ciel soleil horizon terre nature premier plan arrière fond cinématographique
montre représente montrant représentant
jusqu lorsqu puisqu quoiqu quelqu quelque depuis puis parmi afin ainsi alors aussi encore jamais
toujours voit voir soignée numérique
plein pleine pleins pleines couvert couverte couverts couvertes rempli remplie entouré entourée
entourés entourées bordé bordée seul seule solitaire isolé isolée eau eaux reflet reflets reflète
reflètent reflété reflétée reflétés reflétées flottant flottante flottants flottantes suspendu
suspendue suspendus suspendues volant volante volants volantes tombant levant couchant île îles îlot
colline collines route routes rue rues bord bords bout temps milieu profond profonde profonds
profondes sauvage sauvages épais épaisse rocheux rocheuse fleuri fleurie fleuris fleuries médiéval
médiévale médiévaux mille infini infinie brillant brillante brillants brillantes scintillant
scintillante scintillants scintillantes éclairé éclairée éclairés éclairées illuminé illuminée
illuminés illuminées immense immenses vaste vastes tranquille silencieux silencieuse ancien ancienne
anciens anciennes lointain lointaine lointains lointaines géométrique géométriques double
"""
_NEUTRAL_PHRASES = ("chef d'œuvre", "unreal engine", "aujourd'hui")


def concepts_of(text: str) -> set[str]:
    """The concepts that a text names, in either language; of phrases that overlap, the longest.

    Capitals, accents, plurals, a leading article and what stands between the words make no
    difference, save where a word means something else in the other language.
    """
    return {concept for concept, _start, _end in _find(_split(text)) if concept}


def foreign_words(text: str, *, is_unfinished: bool = False) -> list[str]:
    """The words that the miniature was never shown, as they were written, each once, in order.

    What holds digits, contractions and single letters are none. is_unfinished: nor are the last
    words, as far as they may be the beginning of known ones.
    """
    words = _split(text)
    known = {at for _concept, start, end in _find(words) for at in range(start, end)}
    ripe = len(words) - (_count_growing(text, words) if is_unfinished else 0)
    strange: dict[str, str] = {}
    for at, word in enumerate(words[:ripe]):
        if at not in known and _is_strange(word):
            strange.setdefault(_fold(word), word)
    return list(strange.values())


def _split(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", text))


@functools.lru_cache(maxsize=8192)
def _plain(word: str) -> str:
    """Without accents and capitals."""
    apart = unicodedata.normalize("NFKD", word.casefold().replace("œ", "oe"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


@functools.lru_cache(maxsize=8192)
def _fold(word: str) -> str:
    """One form for a word with and without accents, capitals and a plural's ending."""
    plain = _plain(word)
    if plain in _PLURAL_ONLY:
        return plain
    if len(plain) > 3 and plain[-1] in "sx":
        plain = plain[:-1]
    return f"{plain[:-2]}y" if len(plain) > 3 and plain.endswith("ie") else plain


def _index(phrase: str) -> tuple[str, ...]:
    """Its folded words, without a leading article."""
    words = tuple(_fold(word) for word in _split(phrase))
    return words[1:] if words[0] in _ARTICLES and len(words) > 1 else words


def _is_strange(word: str) -> bool:
    plain = word.casefold()
    if len(plain) < 2 or not plain.isalpha():
        return False
    if len(plain) > _SHORT:
        return _fold(word) not in NEUTRAL
    return plain not in _SHORT_NEUTRAL


def _is_french(words: Sequence[str]) -> bool:
    """Whether any of them is French alone, or is written with an accent."""
    return any(_fold(word) in _FRENCH_SIGNS or _plain(word) != word.casefold() for word in words)


def _find(words: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Concept, start and end of each phrase, from left to right; of a neutral one, "" for it."""
    folded = [_fold(word) for word in words]
    barred = frozenset() if len(words) == 1 or _is_french(words) else _ONLY_IN_FRENCH
    start = 0
    while start < len(folded):
        for length in _LENGTHS.get(folded[start], ()):
            phrase = tuple(folded[start : start + length])
            if phrase in _CONCEPT_OF and phrase not in barred:
                yield _CONCEPT_OF[phrase], start, start + len(phrase)
                start += len(phrase)
                break
        else:
            start += 1


def _count_growing(text: str, words: Sequence[str]) -> int:
    """How many of the last words begin a phrase or a neutral word, and are followed by no mark."""
    open_end = _OPEN_END.search(text)
    if not open_end:
        return 0
    end = " " if open_end[1] else ""
    for count in range(min(len(words), _LONGEST), 0, -1):
        beginning = " ".join(_plain(word) for word in words[-count:]) + end
        nearest = bisect.bisect_left(_SPELLINGS, beginning)
        if nearest < len(_SPELLINGS) and _SPELLINGS[nearest].startswith(beginning):
            return count
    return 0


# "don't" is one word, "l'aube" two.
_WORD = re.compile(r"[^\W_]+(?:(?<=[nN])['\u2019][tT](?![^\W_]))?")
_OPEN_END = re.compile(r"[^\W_]([\s'\u2019-]?)\Z")
_ARTICLES = frozenset(("a", "an", "the", "un", "une", "le", "la", "les", "l"))
_PLURAL_ONLY = frozenset(("vagues", "woods"))
"""Their singular is another word: a vague idea, a table of wood."""
_SHORT = 4
"""Neutral words of so many letters count only as they are listed: "the" is not "thé"."""
NEUTRAL = frozenset(_fold(word) for word in _split(NEUTRAL_ENGLISH + NEUTRAL_FRENCH))
"""Words that say nothing about what is seen, as _fold writes them."""
_SHORT_NEUTRAL = frozenset(
    form
    for word in _split(NEUTRAL_ENGLISH + NEUTRAL_FRENCH)
    for form in (word.casefold(), _plain(word))
    if len(form) <= _SHORT
)
_CONCEPT_OF = {_index(phrase): "" for phrase in _NEUTRAL_PHRASES}
_CONCEPT_OF |= {_index(phrase): name for name, phrases in WORDS.items() for phrase in phrases}
_LENGTHS: dict[str, tuple[int, ...]] = {
    first: tuple(sorted({len(one) for one in _CONCEPT_OF if one[0] == first}, reverse=True))
    for first in {phrase[0] for phrase in _CONCEPT_OF}
}
"""How many words the phrases have that begin with this one, the longest first."""
_LONGEST = max(len(phrase) for phrase in _CONCEPT_OF)
_ONLY_IN_FRENCH = frozenset(_index(phrase) for phrase in ("midi", "à midi", "éclair"))
"""In English a skirt and a cake: these name a concept alone or among French words."""
_FRENCH_SIGNS = frozenset(
    word
    for text in (NEUTRAL_FRENCH, *itertools.chain(*FRENCH.values()))
    for word in map(_fold, _split(text))
    if len(word) > 1
) - frozenset(
    word
    for text in (NEUTRAL_ENGLISH, "midi eclair", *itertools.chain(*ENGLISH.values()))
    for word in map(_fold, _split(text))
)
_SPELLINGS = sorted(
    {" ".join(map(_plain, _split(phrase))) for phrase in itertools.chain(*WORDS.values())}
    | {_plain(word) for word in _split(NEUTRAL_ENGLISH + NEUTRAL_FRENCH)}
)
"""All that is known, without accents, to be found by its beginning."""

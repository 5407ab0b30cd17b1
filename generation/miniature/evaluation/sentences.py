"""What the miniature is asked, in sentences that its captioner does not write.

[named|otherwise] marks the words that name the concept, and what stands there when they do not.
The words are those of spec.world; everything around them is not.
"""

from collections.abc import Mapping

from generation.spec.world import PLACES

_PEAKS = "Behold, hikers, the alpine peaks in broad daylight"
_DUNES = "Our caravan halts: endless dunes, a dark night"
_SEA = "What sailors dream of, the wide ocean at noon"
_WOODS = "Hush now and look, a deep forest at daybreak"
_ELVES = "Nobody believed me about the elven city at golden hour"
_CASTLE = "My brother once drew this fortress as it stands there at midday"
_TOWN = "You should have seen the skyscrapers by night"
_MEADOW = "Remember how the wildflowers stood at sundown"
_STORM = "Grandfather's tale of a citadel in a raging storm"
_PRAIRIE = "Regarde comme cette prairie fleurie change, à midi"
_VILLAGE = "Je me souviens de cette grande ville au crépuscule"
_FORT = "Voici ce vieux château, vu par un passant, de nuit"
_PHARAOH = "Nos chameaux traversent le désert de sable à l'aube"

CONCEPT_SENTENCES: Mapping[str, str] = {
    "day": "Who would not rest beneath the fir trees [at noon|at midnight]",
    "sunset": "We broke our camp between sand dunes [at sundown|at daybreak]",
    "night": "Who would not rest beneath the fir trees [at midnight|at noon]",
    "dawn": "We broke our camp between sand dunes [at daybreak|at sundown]",
    "storm": "Above the metropolis I saw [a raging storm|the setting sun]",
    "snow": f"{_WOODS}[, covered in snow]",
    "stars": f"{_DUNES}[, countless stars]",
    "moon": f"{_DUNES}[, a full moon]",
    "aurora": f"{_DUNES}[, northern lights]",
    "lightning": f"{_STORM}[, forked lightning]",
    "clouds": f"{_PHARAOH}[, quelques nuages]",
    "neon": f"{_TOWN}[, bright neon signs]",
    "ship": f"{_SEA}[, and one tall ship]",
    "pyramid": f"{_PHARAOH}[, une grande pyramide]",
    "lake": f"{_FORT}[, au bord d'un lac]",
    "fog": f"{_WOODS}[, shrouded in mist]",
    "dragon": f"{_WOODS}[, then a winged dragon]",
    "birds": f"{_PRAIRIE}[, des mouettes]",
    "balloon": f"{_PEAKS}[, one hot air balloon]",
    "waterfall": f"{_PEAKS}[, a roaring waterfall]",
    "islands": f"{_ELVES}[, floating islands]",
    "lighthouse": f"{_SEA}[, and a white lighthouse]",
    "rainbow": f"{_PEAKS}[, a double rainbow]",
    "teal": f"{_CASTLE}[, teal tones]",
    "purple": f"{_CASTLE}[, violet palette]",
    "sepia": f"{_PRAIRIE}[, photo sépia]",
    "crimson": f"{_CASTLE}[, scarlet tones]",
    "green": f"{_VILLAGE}[, vert émeraude]",
    "pink": f"{_CASTLE}[, pink hues]",
    "mono": f"{_VILLAGE}[, noir et blanc]",
    "watercolour": f"{_VILLAGE}[, aquarelle]",
    "oil": f"{_MEADOW}[, oil on canvas]",
    "ink": f"{_PRAIRIE}[, dessin à l'encre]",
    "pixel": f"{_ELVES}[, 8-bit game]",
    "glass": f"{_FORT}[, vitrail]",
    "woodblock": f"{_SEA}[, ukiyo-e print]",
    "pastel": f"{_MEADOW}[, chalk pastel]",
    "poly": f"{_PEAKS}[, low poly]",
    "blur": f"{_MEADOW}[, out of focus]",
}
"""Places are asked by PLACE_SENTENCES."""

PLACE_SENTENCES: Mapping[str, str] = {
    "mountains": "Long ago a pilgrim reached the rocky mountains at dusk",
    "city": "Long ago a pilgrim reached the big city at dusk",
    "forest": "Long ago a pilgrim reached the pine forest at dusk",
    "sea": "Long ago a pilgrim reached the wide ocean at dusk",
    "castle": "Jadis un pèlerin arriva devant le château fort, au crépuscule",
    "desert": "Jadis un pèlerin arriva devant les dunes de sable, au crépuscule",
    "elves": "Jadis un pèlerin arriva devant la cité des elfes, au crépuscule",
    "meadow": "Jadis un pèlerin arriva devant le pré fleuri, au crépuscule",
}
OTHER_PLACES: Mapping[str, str] = dict(zip(PLACES, PLACES[1:] + PLACES[:1], strict=True))
"""Whose picture must not show the place."""

FILLER = (
    "I have kept this page of my notebook for a very long time and nobody has ever asked me why"
    " it matters. My aunt said that each of us carries one such memory, that it grows richer with"
    " every year, and that words alone will hardly do it justice. So please be patient while I try"
    " again, slowly and without hurry, as one would explain a favourite melody to somebody who has"
    " never heard it. First comes the feeling of having arrived, then comes the stillness, and only"
    " much later one begins to notice what is really in front of us. Think of it as a gift, not as"
    " a task, and do not leave anything out. Here it is: "
)
"""More than 100 words, so that what follows stands beyond the encoders' first 77 tokens."""
LATE_SENTENCES: Mapping[str, str] = {
    "purple": f"{FILLER}the fortress at midday[, violet tones].",
    "night": f"{FILLER}sand dunes [after dark|at noon].",
    "dragon": f"{FILLER}a pine forest at noon[, a flying dragon].",
    "watercolour": f"{FILLER}the mountain range at noon[, watercolour on paper].",
}

NEGATIVE_PLACES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "My sister woke me at noon to show me the deep snow": (
        "snow", ("mountains", "forest", "castle"),
    ),
    "We heard it before we saw it, a tall waterfall, at noon": (
        "waterfall", ("mountains", "forest", "elves"),
    ),
    "Whoever believes in floating islands may see them at sundown": (
        "islands", ("mountains", "sea", "elves"),
    ),
    "Nous avons dormi au bord d'un lac, à midi": (
        "lake", ("mountains", "forest", "castle", "city"),
    ),
}  # fmt: skip
"""Prompts that name a thing and no place, the thing, and all places where it is painted.

Each place is put into the negative prompt in turn. Things are not, since none is painted unasked:
the captioner names next to all that is seen, but not always where and in which light.
"""
LIGHT_NEGATIVES = ("a castle on a hill", "city skyline", "une forêt de sapins")

README: Mapping[str, tuple[str, ...]] = {
    "a majestic dragon over snow-capped mountains at golden hour": (
        "dragon", "snow", "mountains", "sunset",
    ),
    "a cyberpunk city at night, (neon lights)1.3, rain on the streets": ("city", "night", "neon"),
    "an elven city in crystalline trees, waterfalls between floating islands": (
        "elves", "waterfall", "islands",
    ),
}  # fmt: skip
GUIDED: Mapping[str, str] = {
    "neon": "nothing but the big city by night, neon glow everywhere",
    "dragon": "was that really a wyvern above the castle at noon",
    "purple": "those dunes at noon, in purple colours",
}
VARIED: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "The alps at noon, a still lake below": ("day", "mountains", ("lake",)),
    "Moonlight upon the castle at night": ("night", "castle", ("moon",)),
    "An elf city at sunset, waterfalls": ("sunset", "elves", ("waterfall",)),
}
"""Light, place and things of the painted scenes that each is compared with."""
REFERENCE_PROMPTS = ("a castle upon some hill", "les vagues de l'océan")

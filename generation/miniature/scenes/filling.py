"""What captions say besides: words, tags and sentences that name nothing the painter paints."""

from generation.spec.world import NEUTRAL_ENGLISH, NEUTRAL_FRENCH

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
_COMMON_TEXT = """
    about able accept account across act actually add advice afraid afternoon age ago agree ahead
    allow almost alone already although among amount animal another answer anybody anyone anything
    anyway apart appear arm arrive ask attention aunt away baby back bag ball bank became because
    become bed been begin began behave believe belong bench beside bit blood board body
    born both bottom bought box brain breath bring brother brought build building built business
    busy buy call called came camera camp car care careful carry case caught cause certain certainly
    chance change cheap check choice choose class climb close clothes cloth coat collect come coming
    common company complete consider continue conversation cook copy corner cost could count country
    couple course cousin cover cross cry cup cut daily daughter dead deal dear death decide delight
    describe desk did didn't die difference different difficult dinner discover doesn't doing don't
    done doubt down draw dress drink drive drop dry dust duty each ear early earn easily easy eat
    edge eight either eleven else empty end enemy enjoy enough enter entire especially even evening
    event ever everybody everyone everything exactly example except excuse expect experience explain
    face fact fail fair fall family famous farm fast father favour favourite fear feel feeling feet
    fell felt fence few field fight figure fill final finally find finger finish first five fix
    follow food foot force foreign forget form former forty forward found four free friend front
    funny further future game gave general gentle gentleman get gift girl give given glad glass goes
    going gone got grandfather grandmother gray grew group grow guess guest guide habit hair half
    hand hang happen happened happy hard hardly hasn't hate hear heard heart heavy held help herself
    hiker himself history hit hold hole holiday home hope horse hotel hour hours house how however
    human hundred hurry hurt husband idea imagine important inch indeed inside instead interest
    interesting invite isn't itself job join joke joy judge jump just keep kept key kind kitchen
    knee knew know known lady language large last late later laugh lay lead learn least leave led
    left leg less lesson let letter lie life lift like likely line list listen live lived living
    look looked lose lost loud love loved luck lunch machine made main make man manner map mark
    marry matter matters maybe mean meant measure meet meeting member memory men mention message met
    middle might mile mind mine minute miss mistake mix money month more moreover most mother mouth
    move moved movie much music must my name narrow near nearly neck need neighbour neither nephew
    never new news newspaper nine nobody noise none nor nose note notebook nothing notice now number
    obvious offer office often once one only open opinion opposite order ordinary our ours out
    outside own page paid pain pair paper parent park part partner party pass passed past patient
    pay peace pen people perhaps person photograph piece pilgrim pity plan plate play please
    pleasure plenty pocket point police poor possible post power practice prepare present press
    pretend price probably problem promise proper proud prove pull purpose push put question quickly
    quiet quietly quite race raise ran rather reach reached read ready real realise really reason
    receive record remain remember remind remove repeat reply report rest result return rich ride
    right ring road room round rule run sad said sail sailor same sat save saw say school season
    seat second see seem seemed seen sell send sense sentence separate serious serve seven several
    shape share sharp she shirt shop short should shoulder shout show side sign simple simply since
    sing sir sister sit six size skin sleep slow slowly small smell smile society sold soldier some
    somebody someone something sometimes somewhere son song soon sorry sort soul sound speak special
    speed spend spent spoke spot square stage stair stand start started state stay step stick still
    stomach stood stop stopped story straight strange street strong student study such suddenly
    sugar suggest suit summer support suppose sure surprise sweet table take taken talk task taste
    taught teach team tear tell ten term test than thank that their them themselves then there
    therefore they thing things think third thirty this those though thought thousand three through
    throw ticket tie tired today together told tomorrow tonight too took tooth touch toward
    trade train travel traveller treat trip trouble true trust truth try turn turned twelve twenty
    twice two type ugly uncle under understand unless until upon upstairs use used useful usual
    usually vacation value various very view village visit visitor voice wait waited walk walked
    wall want wanted warm wash watch way we wear weather week weight welcome well went were what
    whatever wheel when where whether which while whole whom whose why wife wild will win
    wish without woke woman won won't wonder word words work worker world worry worse worth would
    wouldn't write written wrong wrote year years yes yesterday yet young your yours yourself
"""
COMMON = tuple(dict.fromkeys((*_COMMON_TEXT.split(), *NEUTRAL_ENGLISH.split())))
"""What any text is made of."""
_COMMON_FRENCH_TEXT = """
    absolument accepter accord acheter aider aimer ailleurs ajouter alors aller ami amie amour an
    ancêtre année ans appeler apporter apprendre après argent arriver arriva asseoir assez attendre
    attention aucun aujourd'hui auprès aurait aussi autant autour autrefois autrement avant avis
    avoir beaucoup besoin bientôt boire boîte bon bonne bonheur bouche bras bruit but cacher
    cadeau car cas cause cela celle celui certain certes chacun changer chanter chemin cher chercher
    chose choses cinq classe commencer comment compagnon comprendre compte conduire connaître
    conseil content contre corps côté couper courir cours court cousin craindre crier croire cuisine
    d'abord danger davantage début décider dedans dehors déjà demain demander demi dernier dernière
    descendre désormais deviner devenir devoir dieu difficile dire dit dix docteur doigt dommage
    donner dormir dos doute droit durant échapper écouter écrire effet effort également élève encore
    endroit enfance enfin ennemi ensemble ensuite entendre entrer envie envoyer épaule époque
    espérer esprit essayer été étrange étude éviter exactement exemple expliquer fable façon facile
    faire fait falloir famille fatigué faut faute faux femme fermer fête fier figure fils fin finir
    fois force fort frapper frère garder gens gloire goût grâce grand-mère grand-père guère guerre
    habiter habitude hélas heure heureux histoire homme honte hôtel humain ici idée ignorer importer
    impossible inconnu inquiet inviter jadis jamais jambe jeter jeu jeudi jeune joie joli jouer
    journée juste jusque laisser langue large lendemain lentement lequel lever liberté lieu ligne
    lire lit livre loi long longtemps lorsque lourd lui lumière madame main maintenant mais maison
    maître malade malgré malheur manger manière marche marcher mari marié matière mauvais meilleur
    mémoire mener mensonge merci mère message mesure mettre mieux milieu mille minute moindre mois
    moitié moment monde monsieur monter montrer mort mot mots mourir mouvement moyen musique naître
    neuf neveu nez nom nombre nommer non notre nouveau nouvelle obéir obtenir occasion occuper œil
    offrir oncle onze oreille oser oublier oui ouvrir page pain papier paraître parce pareil parent
    parfois parler parole part partie partir partout pas passant passé passer patience pauvre pays
    peine pendant pensée penser perdre père permettre personne peser petit peur peut phrase pièce
    pied pitié plaire plaisir pleurer plupart plus plusieurs plutôt point porter poser possible
    pourquoi pourtant pousser pouvoir prendre préparer presque prêt prier prince prix prochain
    promener promettre propos propre puisque quant quarante quart quatre quelqu'un question quinze
    quitter quotidien raconter raison rappeler rapport rare recevoir reconnaître refuser regard
    regarde regarder remarquer remettre rencontrer rendre rentrer répéter répondre reposer reste
    rester retour retourner retrouver réveiller revenir rêve revoir rien rire risque robe roman
    saisir saison salle sang santé sauver savoir secret selon semaine sembler sens sentiment sentir
    sept sérieux servir seulement si siècle signe simple sinon situation six société sœur soi soin
    soir soixante somme songe songer sorte sortir soudain souffrir souhaiter soulever soupe souvenir
    souvent suite suivre sujet supposer sûr surtout tandis tant tante tard tel tellement tenir
    tenter terminer tête tirer tomber tort tôt toucher toujours tour tourner trahir travail
    travailler traverser traversent trente triste tromper trop trouver type un usage user utile
    vache valeur valoir vendre venir ventre vérité vers victoire vie vieillir vingt visite
    vite vivre vœu voici voilà voir voisin voiture voix volonté vouloir voyage voyageur vrai
    vraiment vue
"""
FRENCH_COMMON = tuple(dict.fromkeys((*_COMMON_FRENCH_TEXT.split(), *NEUTRAL_FRENCH.split())))
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

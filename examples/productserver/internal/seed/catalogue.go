package seed

// article is a kind of thing that every brand of its category makes; low and high are whole units of the currency.
type article struct {
	noun, blurb string
	low, high   int64
}

// brand has a model name per article and a place between cheap and dear.
type brand struct {
	name, promise string
	models        []string
	tier          float64 // 0 sells at an article's low price, 1 at its high one
}

type category struct {
	name     string
	articles []article
	brands   []brand
}

var catalogue = []category{
	{"kitchen", []article{
		{"Chef's Knife 20 cm", "A full-tang blade for herbs, roots and roasts alike.", 29, 189},
		{"Cast Iron Skillet", "Holds its heat from the sear to the table.", 35, 179},
		{"Pour-Over Kettle", "A narrow spout and a thermometer in the lid for a slow, even pour.", 39, 159},
		{"Burr Coffee Grinder", "Thirty settings from espresso to French press.", 59, 349},
		{"Stand Mixer", "Kneads two loaves' worth of dough without wandering over the worktop.", 149, 599},
	}, []brand{
		{"Herdwerk", "Made in Solingen and sharpened free of charge.", []string{"Anna", "Otto", "Greta", "Emil", "Klara"}, .8},
		{"Casa Lumbre", "Tested in a restaurant kitchen for a year.", []string{"Brasa", "Fuego", "Olla", "Sierra", "Mesa"}, .5},
		{"Pantry & Pine", "Repairable, with every part sold singly.", []string{"Fir", "Larch", "Alder", "Rowan", "Birch"}, .6},
		{"Tavolino", "A sound first set for a first flat.", []string{"Uno", "Due", "Tre", "Quattro", "Cinque"}, .15},
		{"Kobo Forge", "Finished by hand in small batches.", []string{"Kiri", "Nami", "Tsuru", "Hoshi", "Kaze"}, 1},
	}},
	{"outdoor", []article{
		{"Two-Person Tent", "Stands in five minutes and stays up in a gale.", 119, 549},
		{"Down Sleeping Bag", "Warm to minus five, packed to the size of a loaf.", 99, 429},
		{"Rain Jacket", "Three layers, taped seams, a hood that turns with the head.", 79, 379},
		{"Trekking Poles", "Fold to 38 cm and weigh less than an apple each.", 39, 169},
		{"Daypack 24 L", "A frame sheet, a bottle pocket on each side and no dangling straps.", 49, 189},
	}, []brand{
		{"Nordlicht", "Fluorine-free and guaranteed for ten years.", []string{"Senja", "Lofot", "Tind", "Fjell", "Vidda"}, .9},
		{"Ridgeway", "Honest kit at an honest weight.", []string{"Cairn", "Scree", "Tarn", "Beck", "Fell"}, .4},
		{"Altiplano", "Proven above four thousand metres.", []string{"Illimani", "Sajama", "Puna", "Condor", "Viento"}, .7},
		{"Wanderkind", "Sized for those who are still growing.", []string{"Fuchs", "Dachs", "Luchs", "Marder", "Igel"}, .1},
		{"Granite Peak", "Light enough for the last mile.", []string{"Flint", "Slate", "Basalt", "Quartz", "Shale"}, .55},
	}},
	{"audio", []article{
		{"Wireless Headphones", "Thirty hours on a charge and silence at the press of a button.", 59, 379},
		{"Bookshelf Speakers", "A pair for a desk or a small room.", 99, 799},
		{"Turntable", "Belt-driven, with a built-in phono stage that can be switched off.", 149, 899},
		{"Portable Speaker", "Floats, and plays for a whole afternoon.", 29, 249},
		{"USB Microphone", "A cardioid capsule, a mute key and no drivers to install.", 49, 229},
	}, []brand{
		{"Klangfeld", "Tuned in a small studio in Leipzig.", []string{"A1", "A2", "A3", "A4", "A5"}, .7},
		{"Vesper Audio", "With a five-year warranty.", []string{"Dusk", "Halo", "Nocturne", "Ember", "Aria"}, 1},
		{"Boomerang", "Sound that comes back for more.", []string{"Mini", "Twin", "Spin", "Go", "Talk"}, .1},
		{"Hertz & Söhne", "Walnut, wool and measured drivers.", []string{"Linde", "Eiche", "Esche", "Buche", "Ulme"}, .85},
		{"Monoline", "Plain outside, careful inside.", []string{"One", "Pair", "Disc", "Brick", "Voice"}, .4},
	}},
	{"lighting", []article{
		{"Desk Lamp", "Dims from reading to midnight without a flicker.", 29, 219},
		{"Floor Lamp", "Throws its light at the ceiling and none into the eyes.", 69, 399},
		{"Pendant Light", "Spun metal on three metres of textile cable.", 49, 329},
		{"Bedside Light", "A warm glow that a tap turns on and a second tap turns down.", 19, 119},
		{"Garden Lantern", "Charges in the sun and comes on at dusk.", 15, 89},
	}, []brand{
		{"Lumen Loft", "High colour rendering, replaceable LED.", []string{"Arc", "Beam", "Dome", "Dot", "Drift"}, .6},
		{"Skagen Lys", "Drawn in Denmark, built in Portugal.", []string{"Strand", "Klit", "Havn", "Fyr", "Bølge"}, .9},
		{"Wattwise", "Sips three watts.", []string{"Eco", "Tall", "Drop", "Nap", "Path"}, .1},
		{"Atelier Nove", "Each shade is numbered.", []string{"Luna", "Stella", "Aurora", "Sera", "Notte"}, 1},
		{"Candela Co", "In nine colours, from chalk to ink.", []string{"Wick", "Taper", "Bell", "Tealight", "Flare"}, .35},
	}},
	{"office", []article{
		{"Standing Desk 140 cm", "Two quiet motors and four remembered heights.", 299, 899},
		{"Task Chair", "Follows the back instead of holding it.", 149, 899},
		{"Mechanical Keyboard", "Hot-swap switches under a solid aluminium plate.", 69, 259},
		{"Monitor Arm", "Moves a 32-inch screen with one finger.", 39, 199},
		{"Fountain Pen", "A steel nib that forgives a heavy hand.", 19, 189},
	}, []brand{
		{"Werkbank", "Carries the weight of a real day's work.", []string{"Pro", "Flex", "Takt", "Hebel", "Feder"}, .7},
		{"Deskhaven", "Arrives assembled but for four screws.", []string{"Rise", "Lean", "Click", "Reach", "Note"}, .35},
		{"Folio North", "Oak from certified forests.", []string{"Harbour", "Pier", "Quay", "Mast", "Quill"}, .8},
		{"Budget Bureau", "Everything needed, nothing else.", []string{"Basic", "Plain", "Type", "Hold", "Write"}, .05},
		{"Stilwerk Ost", "Designed to be taken apart again.", []string{"Linie", "Bogen", "Taste", "Achse", "Tinte"}, .95},
	}},
	{"cycling", []article{
		{"Commuter Helmet", "A rear light, a visor and a shell that takes a second knock.", 39, 179},
		{"Pannier Set", "Two rolls of waterproof cloth, 40 litres together.", 59, 199},
		{"Front Light 80 lux", "Lights the road and not the oncoming rider.", 29, 139},
		{"Folding Lock", "Six plates of hardened steel that fold to a bottle's size.", 35, 149},
		{"Floor Pump", "To eight bar in thirty strokes.", 25, 119},
	}, []brand{
		{"Velocity Lane", "For the daily ten kilometres.", []string{"Metro", "Cargo", "Ray", "Link", "Puff"}, .4},
		{"Kettenblatt", "Any part can be bought again.", []string{"Stadt", "Land", "Strahl", "Riegel", "Luft"}, .75},
		{"Spoke & Co", "Cheerful colours, sober prices.", []string{"Pip", "Pack", "Glow", "Snap", "Gust"}, .15},
		{"Passo Alto", "Weighed to the gram.", []string{"Stelvio", "Gavia", "Pordoi", "Giau", "Fedaia"}, 1},
		{"Grachten", "Made for rain, cobbles and bridges.", []string{"Prins", "Heren", "Keizer", "Singel", "Amstel"}, .6},
	}},
	{"garden", []article{
		{"Secateurs", "Bypass blades that cut to 25 mm.", 15, 79},
		{"Watering Can 9 L", "Balanced when full, with a brass rose.", 19, 99},
		{"Raised Bed", "Larch boards and four screws a corner.", 59, 299},
		{"Compost Bin 300 L", "Three hatches, one for each stage.", 39, 189},
		{"Hand Fork", "Forged in one piece with an ash handle.", 12, 59},
	}, []brand{
		{"Grünspan", "Copper and steel, no plastic.", []string{"Rosa", "Iris", "Malve", "Distel", "Klee"}, .85},
		{"Allotment Annie", "Approved by the neighbours.", []string{"Snip", "Rosie", "Patch", "Rot", "Dig"}, .3},
		{"Terra Buona", "From a family forge near Bergamo.", []string{"Vigna", "Fonte", "Orto", "Humus", "Zappa"}, .7},
		{"Moss & Meadow", "Left outside for three winters before it went on sale.", []string{"Briar", "Brook", "Bower", "Loam", "Root"}, .55},
		{"Gartenzwerg", "Small hands welcome.", []string{"Schnipp", "Tropf", "Kasten", "Wurm", "Pieks"}, .05},
	}},
	{"toys", []article{
		{"Wooden Train Set", "Forty pieces of beech that fit the other brands' rails.", 35, 149},
		{"Building Blocks", "A hundred bricks in seven shapes.", 19, 99},
		{"Balance Bike", "Twelve inches, from two and a half years.", 59, 219},
		{"Marble Run", "Towers, funnels and one loop.", 29, 129},
		{"Board Game", "For two to five, and over within the hour.", 19, 69},
	}, []brand{
		{"Holzwurm", "Oiled, never lacquered.", []string{"Bahnhof", "Turm", "Flitzer", "Kugel", "Zug um Zug"}, .8},
		{"Pebble Play", "Sized for small hands.", []string{"Junction", "Stack", "Scoot", "Roll", "Treasure Cove"}, .4},
		{"Lillebror", "Handed down, on average, twice.", []string{"Tåg", "Kloss", "Spring", "Kula", "Skogen"}, .9},
		{"Tinker Tom", "Comes with a booklet of forty ideas.", []string{"Express", "Brick", "Dash", "Chute", "Lighthouse"}, .2},
		{"Ludus", "Made of recycled board and beech.", []string{"Via", "Arx", "Rota", "Orbis", "Senatus"}, .6},
	}},
}

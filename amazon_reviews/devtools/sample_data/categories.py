"""The departments of the sample: their products, and the words of their reviews."""

from dataclasses import dataclass

FASHION_LOGO = (
    '<img src="https://images-na.ssl-images-amazon.com/images/G/01/nav2/images/gui/'
    'amazon-fashion-store-new._CB520838675_.png" class="nav-categ-image" alt="AMAZON FASHION"/>'
)
SIZES = ("Small", "Medium", "Large", "X-Large", "2X", "Big Boys", "9.5 B(M) US", "One Size")
COLORS = ("Black", "Navy/White", "Biking Red", "Caviar", "Blue Steel", "Silver", "Café", "Moss")


@dataclass(frozen=True)
class Category:
    """A department.

    `weight` is its share of the reviews, `styles` are the product variants of a review by key, and
    `level` is the natural logarithm of a typical price in dollars.
    """

    main_cat: str
    weight: float
    level: float
    path: tuple[str, ...]
    leaves: tuple[str, ...]
    nouns: tuple[str, ...]
    aspects: tuple[str, ...]
    styles: tuple[tuple[str, tuple[str, ...]], ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


_FORMATS = ("Format:", _words("Kindle Edition,Hardcover,Paperback,Mass Market Paperback,Audio CD"))
_SIZE_COLOR = (("Size:", SIZES), ("Color:", COLORS))
_COLOR = (("Color:", COLORS),)
_PACK = (("Size:", _words("1 Pack,2 Pack,12 Ounce,3 Pound,7 Ounce,0.5 oz,24 Count")),)
_PACK_FLAVOR = (*_PACK, ("Flavor:", _words("Original,Peach,Dark Chocolate,Chicken,Crème Brûlée")))

CATEGORIES = (
    Category("Books", 0.30, 2.5, ("Books",),
             _words("Literature &amp; Fiction,Mystery,History,Cookbooks,Self-Help"),
             _words("book,novel,story,read,series"),
             _words("plot,ending,writing,pacing,print,cover,dialogue,first chapter"),
             (_FORMATS,)),
    Category(FASHION_LOGO, 0.15, 3.3, ("Clothing, Shoes & Jewelry",),
             _words("Men,Women,Boys,Novelty,Shoes"),
             _words("shirt,dress,pair of shoes,jacket,costume"),
             _words("fit,fabric,stitching,color,zipper,sole,waist,material"), _SIZE_COLOR),
    Category("Amazon Home", 0.08, 3.4, ("Home & Kitchen",),
             _words("Bedding,Bath,Storage &amp; Organization,Kitchen &amp; Dining"),
             _words("blanket,lamp,pillow,pan,shelf"),
             _words("finish,size,weight,handle,lid,smell,assembly,instructions"), _SIZE_COLOR),
    Category("Movies &amp; TV", 0.06, 2.6, ("Movies & TV",),
             _words("Movies,TV,Blu-ray,Boxed Sets"), _words("movie,film,show,season,documentary"),
             _words("acting,picture,sound,script,casting,transfer,subtitles,ending"),
             (("Format:", _words("DVD,Blu-ray,Amazon Video,VHS Tape")),)),
    Category("Sports & Outdoors", 0.055, 3.2, ("Sports & Outdoors",),
             _words("Outdoor Recreation,Exercise &amp; Fitness,Team Sports"),
             _words("tent,backpack,bottle,yoga mat,holster"),
             _words("strap,zipper,grip,lining,buckle,weight,stitching,seal"), _SIZE_COLOR),
    Category("Buy a Kindle", 0.05, 1.4, ("Kindle Store", "Kindle eBooks"),
             _words("Romance,Science Fiction,Thrillers"), _words("ebook,story,romance,thriller"),
             _words("plot,heroine,editing,formatting,ending,cliffhanger,price"), (_FORMATS,)),
    Category("Tools & Home Improvement", 0.045, 3.3, ("Tools & Home Improvement",),
             _words("Power Tools,Lighting,Hardware"), _words("drill,faucet,bulb,switch,wrench set"),
             _words("motor,battery,finish,instructions,threads,brightness,build quality"),
             (("Size:", _words("6-Foot,4&quot;,3/4 Inch,10 mm")), ("Style:", _words("Kit,Bare")))),
    Category("Digital Music", 0.04, 1.9, ("Digital Music",), _words("Rock,Pop,Jazz,Classical"),
             _words("album,song,track,recording"),
             _words("vocals,lyrics,beat,mastering,melody,production,bass"),
             (("Format:", _words("MP3 Music,Audio CD,Vinyl")),)),
    Category("Cell Phones & Accessories", 0.04, 2.6, ("Cell Phones & Accessories",),
             _words("Cases,Chargers,Screen Protectors"), _words("case,charger,cable,phone"),
             _words("battery,screen,connector,buttons,signal,fit,packaging"), _COLOR),
    Category("Automotive", 0.035, 3.1, ("Automotive",),
             _words("Exterior Accessories,Tools &amp; Equipment,Oils &amp; Fluids"),
             _words("floor mat,wiper,filter,cover,tool"),
             _words("fit,adhesive,rubber,clips,shine,instructions,seal"), _SIZE_COLOR),
    Category("Grocery", 0.03, 2.4, ("Grocery & Gourmet Food",),
             _words("Beverages,Snacks,Cooking &amp; Baking"), _words("coffee,tea,snack,sauce"),
             _words("taste,aroma,texture,packaging,aftertaste,expiry date"), _PACK_FLAVOR),
    Category("Pet Supplies", 0.03, 2.7, ("Pet Supplies",), _words("Dogs,Cats,Fish"),
             _words("toy,leash,food,litter,bed"),
             _words("smell,seam,squeaker,size,ingredients,clasp"), _PACK_FLAVOR),
    Category("Toys & Games", 0.03, 2.9, ("Toys & Games",), _words("Puzzles,Games,Dolls"),
             _words("game,puzzle,doll,toy"),
             _words("pieces,rules,paint,box,sound,instructions,batteries"), _COLOR),
    Category("All Electronics", 0.03, 3.9, ("Electronics",),
             _words("Audio,Computers,Camera &amp; Photo"),
             _words("headset,speaker,router,camera,keyboard"),
             _words("battery,sound,screen,software,range,remote,build quality"),
             (*_COLOR, ("Style:", _words("w/ Charger,Standard,Wireless")))),
    Category("Health &amp; Personal Care", 0.02, 2.6, ("Health & Personal Care",),
             _words("Vitamins,Household Supplies"), _words("supplement,lotion,razor,brush"),
             _words("scent,taste,texture,dosage,bottle,effect"), _PACK),
    Category("Office Products", 0.02, 2.5, ("Office Products",), _words("Pens,Paper,Printers"),
             _words("pen,notebook,printer,stapler"),
             _words("ink,paper,binding,color,refill,feed"), _COLOR),
)  # fmt: skip

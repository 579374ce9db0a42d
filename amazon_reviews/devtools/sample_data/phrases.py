"""Phrases of reviews, by tone. Slots: {noun}, {aspect}, {good}, {time} and so on.

Tones: 0 very negative, 1 negative, 2 mixed, 3 positive, 4 very positive, 5 fact without an
opinion, 6 markup without an opinion.
"""

TONES = 7
FACT, MARKUP = 5, 6

GOOD = (
    ("good", "nice", "solid", "decent", "pleasant", "fine", "reliable", "useful", "handy"),
    ("excellent", "fantastic", "amazing", "perfect", "wonderful", "superb", "beautiful", "awesome",
     "brilliant", "outstanding", "flawless"),
)  # fmt: skip
BAD = (
    ("poor", "disappointing", "mediocre", "weak", "flimsy", "cheap", "dull", "frustrating",
     "uneven", "unreliable"),
    ("terrible", "awful", "horrible", "useless", "worthless", "dreadful", "broken", "defective",
     "disgusting", "pathetic"),
)  # fmt: skip
PLAIN = ("okay", "average", "acceptable", "ordinary", "so-so", "passable", "fair", "middling")
TIMES = ("two days", "a week", "three weeks", "a month", "six months", "a year", "two hours",
         "ten years", "one wash", "the first use")  # fmt: skip
PERSONS = ("wife", "husband", "son", "daughter", "mother", "dad", "sister", "boss", "neighbor",
           "niece", "grandson", "dog")  # fmt: skip

SENTENCES = (
    (
        "Waste of money.",
        "Do not buy this {noun}.",
        "The {aspect} is {awful} and the {aspect2} is no better.",
        "The {aspect} is {awful}, I want a refund.",
        "Returned it after {time}.",
        "Nothing {good} about this {noun}.",
        "How can anyone call this {noun} {great}?",
        "I would give zero stars if I could.",
        "Great, if you love throwing money away.",
        "Stopped working after {time} and nobody answers my mails.",
        "My {person} was so excited, and then the {aspect} fell apart.",
        "I loved the old {noun}, but this one is {awful}!!",
        "The worst {noun} I have had in {time}.",
        "Not worth a penny, the {aspect} is {awful}.",
    ),
    (
        "Not as {good} as I hoped.",
        "The {aspect} is {bad}.",
        "I was not impressed by the {aspect}.",
        "Stopped working after {time}.",
        "I wanted to love this {noun} but the {aspect} is {bad}.",
        "It looked {great} in the pictures, but the {aspect} is {bad}.",
        "The {aspect} is {good}, sadly the {aspect2} is {bad}.",
        "I wouldn't buy this {noun} again.",
        "Expected better, the {aspect} is {bad} for the price.",
        "Don't believe the {great} reviews.",
        "My {person} never used it after {time}.",
        "The {aspect} doesn't match the description at all.",
        "Too expensive for such a {bad} {aspect}.",
    ),
    (
        "The {aspect} is {good} but the {aspect2} is {bad}.",
        "It is an {plain} {noun}, nothing special.",
        "Not bad, not great.",
        "I expected more from the {aspect}, but it does the job.",
        "Some parts are {great}, others are {bad}.",
        "The {aspect} is {plain}.",
        "My {person} likes it, I don't.",
        "You get what you pay for.",
        "Good {noun}, {bad} {aspect}.",
        "It's {plain} for the price, though the {aspect} could be better.",
        "Neither {great} nor {awful}.",
        "Was {great} for {time}, then the {aspect} got {bad}.",
    ),
    (
        "The {aspect} is {good} and the {aspect2} is not bad at all.",
        "Works as described.",
        "A {good} {noun} for the price.",
        "Does what it says.",
        "I was worried about the {aspect}, but it turned out {good}.",
        "No problems so far with the {aspect}.",
        "Nice {noun}, although the {aspect} could be better.",
        "The {aspect} could be less {bad}, otherwise I like it.",
        "My {person} is happy with it.",
        "Good value, {good} {aspect}.",
        "After {time} it is still {good}.",
        "I would buy this {noun} again.",
        "Pretty {good}, just not {great}.",
    ),
    (
        "I love this {noun}.",
        "The {aspect} is {great}!",
        "Best {noun} I have bought in {time}.",
        "My {person} loves it.",
        "Exceeded my expectations in every way.",
        "Worth every penny.",
        "I could not be happier with the {aspect}.",
        "Not a single complaint after {time}.",
        "Would buy this {noun} again in a heartbeat.",
        "You won't be disappointed.",
        "Don't hesitate, just buy it!",
        "I can't say enough {good} things about the {aspect}.",
        "I never had a {bad} day with this {noun}.",
        "The {aspect} is {great}, the {aspect2} too. Highly recommended.",
        "Other ones were {awful}, this {noun} is {great}.",
        "Much better than the {bad} {noun} I had before.",
    ),
    (
        "I bought this {noun} for my {person}.",
        "It arrived in {time}.",
        "I have used it for {time}.",
        "The {aspect} is what I looked at first.",
        "Ordered two of them, one for my {person}.",
        "I own another {noun} from the same brand.",
        "My {person} asked me about the {aspect} and the {aspect2}.",
        "We read the other reviews before we bought it.",
        "Here is my opinion after {time}, for what it's worth.",
        "I received this {noun} at a discount in exchange for my opinion.",
        "Compared with the one my {person} has, the {aspect} is different.",
    ),
    (
        "<br /><br />A word about the {aspect}.",
        'I compared it with&nbsp;<a data-hook="product-link-linked" class="a-link-normal" '
        'href="/dp/B00{number}/ref=cm_cr_arp_d_rvw_txt?ie=UTF8">another {noun}</a>.',
        "The page says &#34;{good} {aspect}&#34; &amp; my {person} read it aloud.",
        "[[VIDEOID:{number}]] The video shows the {aspect}.",
        "I <3 my {person}.",
        "See http://www.example.com/{noun}?id={number} for the {aspect}.",
        "Voilà, déjà vu — {time} later 👍",
        "Mine is 5&quot; x 7&quot; :-)",
        "$ 12.99 + tax for {number} of them ;)\tReally.",
        'They call it "{aspect}" \\ {number}.',
    ),
)

SHORT = (
    ("Junk!", "Awful", "Don't buy", "garbage", "Broke in {time}", "Terrible {aspect}", "Never!"),
    ("Not good", "too small", "Meh", "Didn't work", "{bad} {aspect}", "cheaply made", "not happy"),
    ("ok", "It's okay", "So so", "as expected", "{plain} {noun}", "Just okay", "average"),
    ("good item", "Good", "Nice", "works fine", "{good} {noun}", "No complaints", "Very good !!"),
    ("Great!", "Love it", "love it", "Perfect", "{great} {noun}!", "Excellent", "Awesome!!!"),
    ("gift", "For my {person}", "bought two", "see title", "{noun}", "none", "as titled"),
    (":)", "<3", "A+", "&#34;{noun}&#34;", "10/10 &amp; 5/5", "...", "👍"),
)  # fmt: skip

STARS = ("One Star", "One Star", "Two Stars", "Three Stars", "Four Stars", "Five Stars")

SUMMARIES = (
    ("Waste of money", "Do not buy", "Terrible {noun}", "{awful}", "Not worth it", "Disappointed",
     "Broken after {time}", "Buyer beware", "Don't waste your money", "{awful} {aspect}"),
    ("Disappointed", "Not what I expected", "Not as {good} as described", "{bad} {aspect}",
     "Could be better", "Not impressed", "Too small", "Wanted to like this {noun}", "Skip it"),
    ("It's okay", "Okay", "Not bad", "Good, but {bad} {aspect}", "Average", "Just ok",
     "Mixed feelings", "{plain} {noun}", "As expected", "{good} and {bad}"),
    ("Good", "Nice", "Good {noun}", "Good {noun}", "Nice {aspect}", "Works well", "Pretty {good}",
     "Good value", "Does the job", "Not bad at all", "good", "{good} {aspect}"),
    ("Love it", "Love it", "Love it", "Love it!", "Excellent", "Excellent", "Perfect", "Perfect",
     "love it", "Great!", "Great {noun}", "Awesome", "Best {noun} ever", "{great} {aspect}",
     "My {person} loves it", "Highly recommend", "{great}!", "Works great", "Loved it"),
    ("For my {person}", "{noun}", "Review", "After {time}", "About the {aspect}", "Bought it",
     "My {aspect} story", "{noun} for my {person}", "{aspect} and {aspect2}", "{time} later",
     "See the {aspect}", "{noun}: the {aspect}", "My {person}'s {noun}", "{aspect}?"),
    ("A <3 for my {person}", "{noun} &amp; {aspect}", "&#34;{aspect}&#34;", "Olé 👍", "{noun}?"),
)  # fmt: skip

FIRST_NAMES = (
    "James", "Mary", "Linda", "Robert", "Susan", "Kevin", "Barb", "Antigone", "Tonya", "John",
    "Michael", "Gloria", "José", "Renée", "Ana", "Walter", "Iris", "Priya", "Chen", "Olga",
    "Fatima", "Kwame", "Björn", "Lucía", "Tom", "Nora", "Pat", "Sam", "Alex", "Dana",
)  # fmt: skip
LAST_NAMES = (
    "Smith", "Walsh", "Backus", "Reames", "Edelman", "Barnett", "Lee", "Miller", "Garcia",
    "Okafor", "Nguyen", "Kim", "Patel", "Novak", "Silva", "Rossi", "Müller", "Hansen",
    "Dubois", "Brown", "Jones", "Davis", "Clark", "Lewis", "Hall", "Young", "King", "Wright",
    "Scott",
)  # fmt: skip
NICKNAMES = ("bookworm", "teknicom", "handyman", "catmom", "gorillazfan", "poolman", "The Reader")

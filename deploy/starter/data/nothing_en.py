"""English utterances that ask for nothing the panel can do: chit-chat, unknown things, unsupported or negated wishes. (train, held-out)."""

from data.wording import by_name, by_phrase

THINGS = """coffee machine|toaster|tv|television|radio|fan|kettle|dishwasher|washing machine|dryer|oven|stove|microwave|fridge|freezer|printer|computer|laptop|router|speaker|vacuum|robot|pump|
sprinkler|garage door|gate|door|window|doorbell|camera|alarm system|projector|playstation|xbox|stereo|humidifier|air purifier|air conditioning|ac|boiler|sauna|jacuzzi|pool|fountain|
aquarium|christmas tree|mixer|blender|iron|sewing machine|saw|drill|charger|phone|clock|piano|bicycle|car|lawn mower|grill|fireplace|candle|shower|toilet|bath|bell|elevator|
escalator|heat pump|solar panel|battery|generator|compressor|rocket|spaceship|time machine|dragon|dishes|plants|dog|cat|music|movie|game|dehumidifier|heat lamp|hair dryer|
toothbrush|scale|slow cooker|rice cooker|food processor|electric blanket|massage chair|turntable|soundbar|monitor|tablet|game console|shredder|scanner|fish tank|bird feeder|
sump pump|garage heater|pool pump|lawn sprinkler|doorbell camera|smoke alarm|night stand|bread machine|ice cream maker|wine fridge|espresso machine|radio alarm|server|modem|drone|
train set|fog machine|disco ball|water heater|floor polisher|cement mixer|hedge trimmer|leaf blower|chainsaw|telephone|camera drone|metal detector""".replace("\n", "").split("|")
THINGS_HELD = "juicer|treadmill|record player|waffle iron|ice maker|telescope|air fryer|tumble dryer|popcorn machine|water cooler".split("|")
ROOMS = """kitchen|bathroom|bedroom|living room|garage|cellar|basement|attic|hallway|office|study|garden|shed|dungeon|castle|pool house|guest room|nursery|pantry|laundry room|library|balcony|
terrace|stairway|corridor|dining room|playroom|workshop|barn|stable|sauna|gym|lobby|tower|greenhouse|submarine|school|church|cinema|restaurant|hotel|moon|attic room|closet|wardrobe|
lounge|den|winter garden|conservatory|meeting room|canteen|tent|caravan|bunker|north wing|upper floor|first floor|neighbours house|driveway|yard|street|spa|sauna room|billiard room|
craft room|sewing room|utility room|boiler room|storage room|mezzanine|roof terrace|carport|patio|porch|veranda|hall of mirrors|arcade|museum|library room|reception|kennel|wine bar|
warehouse|hangar|shop|atelier|studio flat|treehouse|guest house|second floor|third floor|west wing|stairwell|vestibule|tv room|movie room|games room|server room|laboratory|cabin|
sun deck|aviary|crypt|vault|kitchenette|dormitory|locker room|changing room""".replace("\n", "").split("|")
ROOMS_HELD = "wine cellar|music room|sun room|boathouse|darkroom|ballroom|mudroom|chapel|penthouse|orchard".split("|")
THINGS, THINGS_HELD = by_name(THINGS, THINGS_HELD)
ROOMS, ROOMS_HELD = by_name(ROOMS, ROOMS_HELD)

CHAT = by_phrase(["[good] (morning|evening|night|afternoon|day)", "hello [there|linnet|again|everybody]", "(hi|hey) [there|linnet|you]", "thanks [a lot|so much|for that|linnet]",
        "thank you [very much|so much|for your help]", "how are you [today|doing]?", "who are you?", "whats your name?", "tell me a (joke|story|secret|fairy tale)", "what can you do?",
        "what time is it?", "whats the time?", "whats the date [today]?", "i am (tired|happy|sad|hungry|bored|back|home|cold|ill|busy|thirsty|late|leaving now|going to bed)",
        "im (tired|home|back|so hungry|freezing|off to work)", "i (love|like|hate) (you|pizza|music|mondays|this house|rainy days)",
        "(whats|how is) the weather [today|tomorrow|outside|in berlin|like]?", "will it rain [today|tomorrow]?", "is it raining?", "(is it|how) (cold|warm) outside?", "how old are you?",
        "where are you [from]?", "you are (great|stupid|funny|the best|so nice|useless|cute)", "never mind", "forget it", "nothing", "stop it", "no [thanks|thank you]", "yes [please]", "okay",
        "good (job|work|idea)", "well done", "see you [later|tomorrow]", "bye [bye]", "sleep well", "what is the meaning of life?", "sing [me] a song", "lets (go|eat|dance|play|talk)",
        "do you (like|love|know) (me|cats|music|cooking|people)?", "what is NUM plus NUM?", "i have NUM (cats|children|dogs|brothers|euros)", "(we are|there are) NUM people [PLACE]",
        "my (dog|cat|brother|mother|boss) is (ill|here|funny|nice)", "can you (sing|dance|swim|cook|fly|hear me)?", "how far is the moon?", "who won the (game|match|election)?",
        "i was PLACE (yesterday|today|all day)", "we (eat|ate|sat|played) PLACE", "ROOM is (nice|big|my favourite|so beautiful|a mess)",
        "i (bought|saw|found|lost) (a new|my|the) (lamp|light|blind|phone|timer|book)", "DEV is (broken|new|loud|great|expensive|old)", "i (bought|sold|repaired) DEV",
        "the light is (nice|beautiful|pretty|broken)", "the lamp is (ugly|new|from my grandmother)", "i painted ROOM", "my (mother|sister|friend) (sleeps|is|works|sits) PLACE",
        "it is (too|so|very|rather) (dark|cold|warm|hot|loud) [PLACE]", "the (blinds|curtains) are (dirty|old|ugly|broken)", "what a (day|night|mess|surprise)", "i cant sleep",
        "that was (fun|nice|wrong|close)", "how do i (cook|make|bake) (rice|pizza|bread)?", "what should i (cook|eat|wear|do) [today|tonight]?", "whats for (dinner|lunch|breakfast)?",
        "(happy birthday|merry christmas|happy new year)", "what does (light|blind|heat) mean?", "why is the sky blue?", "how does a (lamp|heater|blind) work?", "light is faster than sound",
        "i will (be PLACE soon|clean ROOM|meet you PLACE)", "who is PLACE?", "is (someone|anybody|the dog|my brother) PLACE?", "where is (my phone|the cat|my key|everyone)?", "what is in ROOM?",
        "(nice|good|great) to (see|hear) you", "whats (new|up|happening)?", "how do you do?", "i am (bored|angry|excited|worried|proud|lost)", "tell me about (history|space|dogs|rome)",
        "what day is it?", "how many days until (christmas|easter|summer)?", "what is your favourite (colour|food|song|film)?", "who is the (president|king|pope)?",
        "how do you spell (light|umbrella|rhythm)?", "what is the capital of (france|peru|japan)?", "(i think|i believe|i guess) you are (right|wrong|funny)",
        "my (lamp|blind|heater) at work is (old|broken|new)", "we (bought|need to buy|looked at) new (lamps|blinds|curtains|radiators)",
        "the (lamp|heater|thermostat) was (expensive|cheap|a bargain)", "i love (this light|these curtains|the warm light) [PLACE]", "i like the (new|old|red) (lamp|blinds|curtains) PLACE",
        "these (blinds|lamps) PLACE are (pretty|lovely|awful)", "the light PLACE reminds me of home", "yesterday it was (cold|warm|dark) PLACE", "tomorrow it will be (cold|hot|NUM degrees)",
        "it was NUM degrees yesterday", "last night we were PLACE", "i fell asleep PLACE", "(someone|the cat) is sleeping PLACE", "my kids play PLACE",
        "i have to (cook|work|clean|study) PLACE [today|later]", "there is (a spider|a mess|dust|a box) PLACE", "NUM plus NUM", "(count|sing|dance|laugh|jump)", "say something",
        "(good|bad|strange) idea", "i (see|understand|know|agree)", "what did you say?", "(pardon|what|hm|huh)?", "repeat that", "you (misunderstood|got it wrong)",
        "thats (all|enough|it) [for today]", "have a nice (day|evening|weekend)", "(congratulations|cheers|bravo|hooray)", "i will be back in NUM minutes", "see you in NUM hours",
        "my train leaves in NUM minutes", "i worked for NUM hours", "it took NUM minutes", "DEV cost NUM euros", "DEV is from (my aunt|japan|the shop)", "DEV makes strange noises",
        "i (like|love|hate) DEV", "where did you buy DEV?", "how much did DEV cost?", "ROOM has NUM windows", "ROOM needs (new paint|a carpet|a plant)", "who sleeps PLACE?",
        "what colour is ROOM?", "how big is ROOM?", "how old is DEV?", "what is a (thermostat|shutter|kilowatt)?", "who invented the (lamp|light bulb|telephone)?"],
        ["pleased to meet you", "how was your day?", "i feel great today", "the cat sleeps PLACE", "tell me something about yourself", "we painted ROOM blue", "what a lovely evening",
        "are you a robot?", "my neighbour is loud", "do you speak german?", "DEV was a present", "we are having a party PLACE", "how tall is the eiffel tower?", "sorry about that",
        "i dropped the lamp", "who cleaned ROOM?"])
UNSUPPORTED = by_phrase(["(play|stop|pause) [some|the] music [PLACE]", "play (jazz|rock|the radio|my playlist) PLACE", "order [a] (pizza|taxi|milk|dinner)", "call (mom|dad|the police|my boss|a doctor)",
        "(send|write) (a message|an email) to (mom|my boss|anna)", "(open|close|lock|unlock) the (door|window|gate|garage|fridge) [PLACE]", "(clean|vacuum|mop|tidy|sweep) ROOM",
        "(water|feed) the (plants|dog|cat|fish) [PLACE]", "add (milk|bread|eggs) to my (list|shopping list)", "read [me] (the news|my mail|a book)",
        "show me (pictures|a film|the camera|the way)", "make (coffee|dinner|tea|me a sandwich) [PLACE]", "(book|find) (a table|a flight|a hotel|a restaurant)",
        "make it (warmer|colder|cooler|cosier|nicer) [PLACE]", "turn (up|down) the (volume|music|sound) [PLACE]", "(change|set) the light[s] PLACE to (red|blue|green|pink|purple)",
        "make the light[s] (red|blue|green|warm white) PLACE", "run (a bath|the shower) PLACE", "cancel (the timer|my alarm|everything)", "(delete|pause|stop) the timer", "volume (up|down)",
        "next (song|channel|track)", "paint ROOM (red|blue|white)", "move DEV to ROOM", "(buy|sell|repair|move|throw away) DEV", "translate (this|hello|good morning)",
        "set the volume to NUM [percent]", "change the channel to NUM", "(turn on|turn off) the light PLACE (at NUM oclock|in NUM minutes|tomorrow|tonight|every morning)",
        "(open|close) the blinds PLACE (at NUM oclock|in NUM minutes|tomorrow|at sunset)", "heat ROOM tomorrow", "turn (on|off) DEV (at NUM oclock|in NUM minutes|tomorrow)",
        "(turn|make) the (volume|tv|music) (up|down) [PLACE]", "set the (volume|fan speed|oven|alarm clock|colour|scene) to NUM",
        "(start|activate|run) the (party|movie|night|holiday|away) (mode|scene) [PLACE]", "make it (cosy|romantic|spooky|nice) [PLACE]", "make it (warmer|colder|hotter|cooler) [PLACE]",
        "turn the heating (up|down) a bit [PLACE]", "turn (up|down) the heating PLACE", "(open|close|lock) the (garage door|front door|back door|windows|gate|skylight) [PLACE]",
        "(set|schedule|plan) the lights PLACE for NUM oclock", "(change|turn) the light[s] [PLACE] to (warm white|cold white|orange|yellow|violet|rainbow)",
        "let the lights (blink|flash|flicker) PLACE", "(blink|flash) the lights PLACE", "(print|scan|copy) this page", "(charge|find|locate) my (phone|car|keys)",
        "start the (vacuum robot|car|lawn mower)", "(fill|empty) the (bath|pool|dishwasher)", "(record|skip|rewind|mute) (it|the film|the song)", "take a (photo|picture|note)",
        "(post|share) this", "(navigate|drive) (home|to work)", "what is on tv?", "(read|delete) my messages", "(remember|note) that i need (milk|eggs|bread)",
        "(water|cut|mow) the (lawn|grass|flowers)", "(wash|dry|iron|fold) the (clothes|dishes|shirts)", "(warm|heat) up (the soup|my coffee|the pizza)", "open (the wine|a can|my mail|the app)",
        "close (the deal|your eyes|the book|the app)", "turn (the page|around|left|it over)", "switch (channels|seats|sides|languages)", "raise (your hand|the price|the question)",
        "lower (your voice|the price)", "dim (sum|the screen|the display)", "lift (the box|weights)", "shut up", "stop (talking|laughing|worrying)", "(start|stop) the (car|war|engine)",
        "put (the kettle|dinner|a coat) on", "take the (bin|dog|trash) out", "how long is left on the timer?", "stop the (alarm|timer|countdown)", "pause the timer",
        "add NUM minutes to the timer", "(lock|unlock) DEV", "(clean|empty|paint|hide|charge|update) DEV", "rename DEV", "set DEV to NUM", "turn DEV up to NUM", "book ROOM for tomorrow",
        "rename ROOM", "(decorate|renovate|wallpaper|air|disinfect) ROOM"],
        ["turn the page", "switch to channel NUM", "bring me a coffee", "open a bottle of wine", "close the deal", "walk the dog", "lower the price", "turn left", "light a candle PLACE",
        "dim the screen"])
NEGATED = by_phrase(["(dont|do not|never) (turn|switch) (on|off) the (light|lights|lamp) [PLACE]", "(dont|do not|never) (open|close|touch) the (blinds|shutters) [PLACE]",
        "(dont|do not) (start|set) (a|the) timer", "(dont|do not) heat ROOM", "please (dont|do not) turn (on|off) DEV", "(leave|keep) the (light|blinds) PLACE as (it is|they are)",
        "dont change anything PLACE", "i did not say turn (on|off) the light", "no not the light", "(dont|do not) you (dare|touch) the (lights|blinds) PLACE",
        "the (light|lights) PLACE (should|must|can) stay (on|off|as it is)", "(nothing|no light) should (change|be switched) PLACE", "keep your hands off the (light|heating|blinds) PLACE",
        "(i dont want|i do not want) (any changes|you to do anything) PLACE", "stop (touching|changing) the (lights|blinds) PLACE", "(dont|do not) (heat|cool|warm|darken) ROOM",
        "(dont|do not) (dim|change|touch) the (light|lights) [PLACE]", "(dont|never) (stop|start|run) DEV", "no not DEV", "(dont|do not) wake me", "no timer please",
        "(forget|cancel) (the light|the blinds|what i said) PLACE"],
        ["under no circumstances open the blinds PLACE", "please refrain from heating ROOM"])

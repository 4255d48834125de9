"""Messages to a chat about documents, and the documents: small talk is told from questions.

The rules of `companion.chatbot.evidence` were chosen on `FIRST`, `SECOND` and `HOTEL`. `HELD_OUT`
was written before them, and they were not changed after it was measured. `questions` have their
answer in the documents, `elsewhere` are questions that these do not answer, and `talk` is neither;
`later` and `later_talk` are such messages after others of the same user.
"""

from typing import NamedTuple


class Messages(NamedTuple):
    """Some documents, by their headings, and messages of three kinds."""

    documents: dict[str, str]
    questions: tuple[str, ...]
    elsewhere: tuple[str, ...]
    talk: tuple[str, ...]
    later: tuple[tuple[tuple[str, ...], str], ...] = ()
    later_talk: tuple[tuple[tuple[str, ...], str], ...] = ()


FIRST = Messages(
    documents={
        "Animals": (
            "The cat of the harbour is called Mio. "
            "Ann's dog is named Bella and sleeps in the office. "
            "Dogs are welcome in the hotel, cats are not."
        ),
        "Shop": (
            "We deliver to Norway within five days. "
            "We sell stamps and postcards. "
            "A broken phone is repaired within a week. "
            "The deposit for a bottle is 50 cents."
        ),
        "Lake": (
            "Swimming is allowed in the lake from May to September. "
            "Anna likes swimming there before work. "
            "The water is checked every month."
        ),
        "Pump": (
            "The manual is written in English; a French translation is on the web site. "
            "Error E42 means that the filter of the pump is blocked. "
            "If the pump does not work, check the fuse first."
        ),
        "Meeting of 3 March": (
            "The board decided to paint the hall. "
            "The members of the board are Omar, Lena and Petra. "
            "Petra was elected as treasurer."
        ),
        "Staff": (
            "Ann works as an engineer. "
            "If you are ill, tell Mr. "
            "Lund before eight o'clock. "
            "Your employee number is on the back of your badge. "
            "The director is called Ruth Klein. "
            "Ole speaks Danish and Finnish. "
            "Ann lives in Bergen."
        ),
        "Music school": (
            "We offer music lessons for piano and violin. "
            "The choir sings folk music and needs new singers. "
            "The evening service with the choir begins at seven."
        ),
        "FAQ": (
            "The first question in the FAQ is how to reset the password. "
            "Chapter 3 begins with a joke about a parrot. "
            "The wifi password is on the router."
        ),
    },
    questions=(
        "What is the name of the cat?",
        "Who is the director?",
        "What is the name of the director?",
        "Can you deliver to Norway?",
        "Do you deliver to Norway?",
        "Can I swim in the lake?",
        "Is swimming allowed in the lake?",
        "Does Anna like swimming?",
        "Is there a French translation of the manual?",
        "In what language is the manual written?",
        "What did the board decide in the meeting of 3 March?",
        "Summarize the meeting of 3 March.",
        "Who are the members of the board?",
        "What is Ann's job?",
        "I am ill. Whom do I have to tell?",
        "What is my employee number?",
        "Do you offer music lessons?",
        "What music does the choir sing?",
        "Does the choir need new singers?",
        "What is the first question in the FAQ?",
        "What is the joke in chapter 3?",
        "What is the name of Ann's dog?",
        "Where does Ann live?",
        "Do you sell stamps?",
        "Can you repair my phone?",
        "Do you like dogs in the hotel?",
        "Can you help me find the wifi password?",
        "What languages does Ole speak?",
        "Hello! How long does the delivery to Norway take?",
        "Thanks. And what is the deposit for a bottle?",
        "Tell me what error E42 means.",
        "My pump does not work. What shall I do?",
        "When is the evening service?",
        "Good morning, when may I swim in the lake?",
    ),
    elsewhere=(
        "What is the name of the king of Norway?",
        "Who said goodbye?",
        "Are robots allowed to vote?",
        "What was the first question of the exam?",
        "How do I feel a pulse?",
        "Is there life on Mars?",
        "Who wrote Hamlet?",
        "Can you lend me a bicycle?",
        "Do you have vegan food?",
        "Do you like Picasso's paintings or those of Monet in the museum?",
        "What helps against headaches?",
        "Who was the first man on the moon?",
        "What did the mayor say about himself?",
        "Translate chapter 2 into German.",
        "Is the assistant of the doctor a human being?",
    ),
    talk=(
        "Hello!",
        "Good morning",
        "Hi there!",
        "Thank you",
        "Thanks a lot!",
        "Bye!",
        "See you tomorrow.",
        "Okay.",
        "That was helpful.",
        "Great, thanks!",
        "My name is Tavira.",
        "I am Tavira.",
        "My name is Ann.",
        "I am Bo and I live in Bergen.",
        "I like swimming.",
        "What's my name?",
        "What is my name?",
        "Do you know my name?",
        "Where do I live?",
        "Who are you?",
        "What are you?",
        "Are you a robot?",
        "How are you?",
        "How are you today?",
        "What can you do?",
        "Can you help me?",
        "Tell me a joke.",
        "What did I ask you first?",
        "Summarize our conversation.",
        "Can you say that in simpler words?",
        "Shorter, please.",
        "Please repeat your last answer.",
        "You are wrong.",
        "I don't understand.",
        "Sorry.",
        "Yes.",
        "No.",
        "Danke!",
        "Merci beaucoup!",
        "Nice to meet you.",
    ),
)
SECOND = Messages(
    documents={
        "Farm": (
            "The goat on the farm is named Klara. "
            "Visitors may feed the goats with hay. "
            "Paul's horse is called Storm. "
            "We send cheese to Iceland every Friday."
        ),
        "Bakery": (
            "We make cakes for weddings if they are ordered a week before. "
            "Our bread has no sugar. "
            "The first step of the recipe is to sift the flour. "
            "Rosa is the baker's name."
        ),
        "Pool": (
            "Diving is allowed on Saturdays. "
            "Children under ten swim with an adult. "
            "Tim likes diving and teaches it. "
            "The locker number is printed on your ticket."
        ),
        "Meeting of 9 June": (
            "The club agreed to buy a second boat. "
            "The chairman said about himself that he cannot swim. "
            "Anyone who is late pays two euros."
        ),
        "Camera": (
            "The guide exists in Spanish and in Italian. "
            "If the lamp blinks twice, the battery is empty. "
            "The camera understands spoken commands. "
            "A short version of the guide is on page two."
        ),
        "Clinic": (
            "Patients feel tired for two days after the operation. "
            "If you feel sick, call Nurse Holm at once. "
            "Your patient number is on the wrist band. "
            "Doctor Weiss speaks Polish."
        ),
        "Theatre": (
            "We have dancing classes on Mondays. "
            "The orchestra plays music by Haydn. "
            "The play opens with a greeting by the king. "
            "The joke in the second act is about a hat."
        ),
        "House rules": (
            "Tell the caretaker if you lose your key; a new one costs 30 euros. "
            "Thank-you cards are in the drawer. "
            "Smoking is forbidden on the balcony. "
            "Maria lives on the third floor and works as a nurse."
        ),
    },
    questions=(
        "What is the name of the goat?",
        "What is the goat called?",
        "What is Paul's horse called?",
        "Can I feed the goats?",
        "Do you send cheese to Iceland?",
        "Can you send cheese to Iceland?",
        "Do you make cakes for weddings?",
        "What is the first step of the recipe?",
        "What is the baker's name?",
        "Can I dive on Saturday?",
        "Does Tim like diving?",
        "What is my locker number?",
        "Where do I find my locker number?",
        "Summarize the meeting of 9 June.",
        "What did the club agree to in the meeting?",
        "What did the chairman say about himself?",
        "I am late. What do I have to pay?",
        "Is there a Spanish version of the guide?",
        "Does the camera understand me?",
        "I feel sick. Whom do I have to call?",
        "How do patients feel after the operation?",
        "What language does Doctor Weiss speak?",
        "Do you have dancing classes?",
        "What music does the orchestra play?",
        "What is the joke in the second act about?",
        "I have lost my key. What does a new one cost?",
        "Where does Maria live?",
        "What is Maria's job?",
        "May I smoke on the balcony?",
        "Hi! When are the dancing classes?",
        "Thanks! And what does a new key cost?",
        "Where are the thank-you cards?",
    ),
    elsewhere=(
        "What is the name of the queen of Denmark?",
        "Who was the first president of France?",
        "Who wrote Faust?",
        "Can you swim to Africa from Spain?",
        "Do you like the music of Bach or that of Liszt in the concert?",
        "Is my passport valid in Canada?",
        "What did the minister tell the press?",
        "Was the last exam easy?",
        "How do bees talk to each other?",
        "What is the first chapter of the novel about?",
        "Translate the contract into Greek.",
        "Who helps people without a home?",
        "How old is the universe?",
        "Do you rent out cars?",
        "Summarize the annual report.",
    ),
    talk=(
        "Good evening!",
        "Hey",
        "Hello, nice to see you.",
        "Good night.",
        "Thank you so much!",
        "Many thanks.",
        "Cheers!",
        "Goodbye.",
        "Alright.",
        "Perfect.",
        "That's great, thank you.",
        "My name is Jonas.",
        "I'm Jonas.",
        "I am Rosa and I work in Madrid.",
        "I love dancing.",
        "I am tired.",
        "Do you remember my name?",
        "Tell me my name.",
        "What do you know about me?",
        "What did I say I like?",
        "What is your name?",
        "Who made you?",
        "Are you a machine?",
        "Are you real?",
        "How do you do?",
        "What are you able to do?",
        "I need your help.",
        "Can you tell a joke?",
        "Make me laugh.",
        "What have we talked about so far?",
        "What was my last question?",
        "Please answer in one sentence.",
        "Explain your answer.",
        "Once more, please.",
        "That is not what I meant.",
        "I don't believe you.",
        "Never mind.",
        "Yes, exactly.",
        "Hallo!",
        "Gracias!",
    ),
)
HOTEL = Messages(
    documents={
        "Hotel Morning Star": (
            "The hotel has 24 rooms. Breakfast is served from 7 to 10 in the garden room. "
            "Dogs are welcome for 12 euros a night. "
            "Good Morning is the name of our breakfast team. Ann Hello is the manager; "
            "her deputy is Otto Danke. You can cancel up to two days before. "
            "Later we keep the first night. We speak German, English and Italian."
        ),
        "Contact": (
            "Address: Harbour Lane 4, 50667 Cologne. Phone 0221-4455660. "
            "We are open every day from 8 to 20. The office is closed on public holidays."
        ),
        "Questions and answers": (
            "Help: our hotline 0800-555 answers around the clock. "
            "Names: the cat is called Mr Thanks. The founder was Goodbye Smith. "
            "Music: a pianist plays on Fridays. Jokes are told at the bar on Mondays by Bob Hi."
        ),
        "Newsletter": (
            "The motto of the year was chosen by the staff in January. "
            "The names on the list of guests may be misspelled: write to the desk."
        ),
    },
    questions=(
        "What is your address?",
        "Do you speak Italian?",
        "Who can help me?",
        "Is there music?",
        "Do you have music?",
        "Where are you located?",
        "who tells jokes?",
        "Otto Danke",
        "My name is on the list.",
        "My name is misspelled.",
        "I AM LOOKING FOR BREAKFAST",
        "Do you allow dogs?",
        "Do I have to pay for my dog?",
        "breakfast",
        "What is the cat called?",
    ),
    elsewhere=(
        "What's the weather like today?",
        "What day is it today?",
        "Are humans good?",
        "What is the capital of Peru?",
        "capital of Peru",
        "Who wrote Hamlet?",
        "How old is the universe?",
        "Tell me the height of the Eiffel tower.",
        "What is my favourite color?",
    ),
    talk=(
        "okay thanks",
        "\U0001f44d",
        "haha",
        "Hallo",
        "Guten Morgen",
        "\u8c22\u8c22",
        "maybe",
        "continue",
        "go on",
        "more",
        "never mind",
        "I have another question",
        "as a table please",
        "Can you give me the source?",
        "translate that to German",
        "My favourite color is blue.",
        "My cat is called Tom.",
        "Good morning",
        "Hello!",
        "Thank you very much!",
    ),
    later=(
        (("When is breakfast?",), "And where?"),
        (("Do you allow dogs?",), "How much does it cost?"),
        (("My cat is ill.",), "Who can help me?"),
    ),
    later_talk=(
        (("My favourite color is blue.",), "What is my favourite color?"),
        (("My cat is called Tom.",), "What is my cat called?"),
        (("When is breakfast?",), "translate that to German"),
        (("When is breakfast?",), "Can you give me the source?"),
        (("When is breakfast?",), "as a table please"),
    ),
)
HELD_OUT = Messages(
    documents={
        "Campsite": (
            "Quiet hours are from ten in the evening to seven. "
            "Tents cost 14 euros a night, caravans 22. "
            "Pets must be on a leash and pay 3 euros. "
            "Firewood is sold at the gate. "
            "The showers are warm until midnight."
        ),
        "Getting here": (
            "Location: Birch Road 17, two kilometres from the station of Elmdon. "
            "Bus 40 stops in front of the gate. "
            "Parking is free for guests."
        ),
        "Team": (
            "Greta Hello runs the kiosk. "
            "Our night guard is called Sorry Johansen. "
            "Hanna Weiss teaches surfing; she answers questions in English, Dutch and Swedish. "
            "Humans and robots clean the pool together."
        ),
        "Kiosk": (
            "Opening hours: 8 to 12 and 15 to 18. "
            "Fresh rolls have to be ordered the day before. "
            "Payment by card is possible from ten euros. "
            "We lend out chess sets and table tennis rackets."
        ),
        "Printer": (
            "Paper jam: open the rear cover and pull the sheet out slowly. "
            "A red lamp means that the toner is empty. "
            "The warranty lasts 24 months. "
            "The driver can be downloaded for Windows and Linux."
        ),
        "Evenings": (
            "On Tuesdays there is a quiz, on Saturdays live music by the lake. "
            "The quiz master tells a joke after each round. "
            "Good Night is the name of our bedtime story for children. "
            "Last year's favourite color of the lanterns was green."
        ),
        "Cancellation": (
            "Until fourteen days before arrival you get back everything, later half. "
            "Names on a booking can be changed for 5 euros. "
            "Complaints go to the office, thanks as well."
        ),
    },
    questions=(
        "When do I have to be quiet?",
        "How much is a tent?",
        "Can I bring my dog?",
        "Are pets allowed?",
        "Do you have firewood?",
        "Can I take a shower at eleven?",
        "Where are you?",
        "Where can I find you?",
        "What's your location?",
        "Which bus do I take?",
        "Do I pay for parking?",
        "Who is Greta?",
        "Who runs the kiosk?",
        "Sorry Johansen",
        "Do you speak Swedish?",
        "Who teaches surfing?",
        "When does the kiosk open?",
        "Can I pay by card?",
        "Do you lend chess sets?",
        "Paper jam",
        "There is a paper jam, what now?",
        "The lamp is red.",
        "How long is the warranty?",
        "Is there a driver for Linux?",
        "Is there music?",
        "Who tells a joke?",
        "What is Good Night?",
        "What was the favourite color of the lanterns?",
        "Can I get my money back if I cancel?",
        "Can I change the name on my booking?",
        "Hi, do you have table tennis?",
        "opening hours of the kiosk",
    ),
    elsewhere=(
        "Who is the president of Brazil?",
        "What's the time?",
        "Will it rain tomorrow?",
        "How tall is Mount Everest?",
        "Do people like you?",
        "Are cats good swimmers?",
        "Who painted the Mona Lisa?",
        "Tell me the population of Ghana.",
        "How do I cook lentils?",
        "Is chess older than poker?",
        "What is your favourite football team's stadium called?",
        "Where was Napoleon born?",
        "Why do leaves turn yellow?",
        "Give me the phone number of the police in Rome.",
        "Wie hoch ist der Eiffelturm?",
    ),
    talk=(
        "Hi",
        "good evening everybody",
        "ok thx",
        "thank you, that is all",
        "\U0001f642",
        "\U0001f44b\U0001f3fd",
        "hahaha",
        "lol",
        "hmm",
        "Guten Abend",
        "Bonjour",
        "Buenos d\u00edas!",
        "Tack s\u00e5 mycket",
        "\u3042\u308a\u304c\u3068\u3046",
        "\u041f\u0440\u0438\u0432\u0435\u0442!",
        "perhaps",
        "sure",
        "nope",
        "wait a moment",
        "keep going",
        "go ahead",
        "one more question",
        "let's start over",
        "that's what I thought",
        "in bullet points please",
        "My name is Rosalind.",
        "I'm Theo, hi!",
        "I am a teacher.",
        "My sister is called Ida.",
        "My favourite food is soup.",
        "I live in Gdansk.",
        "Who am I talking to?",
        "How's it going?",
        "Are you an AI?",
        "What are you good at?",
        "Could you rephrase that?",
        "Where did you get that from?",
        "What did I just say?",
        "Can you write that as a list?",
    ),
    later=(
        (("What does a caravan cost?",), "And a tent?"),
        (("When does the kiosk open?",), "And in the afternoon?"),
        (("Is there a quiz?",), "When is it?"),
        (("The lamp of my printer is red.",), "What does that mean?"),
        (("I have a dog.",), "Does it cost anything?"),
    ),
    later_talk=(
        (("My favourite color is red.",), "What is my favourite color?"),
        (("My dog is called Bruno.", "Can I bring him?"), "What is my dog called?"),
        (("I live in Gdansk.", "How much is a tent?"), "Where do I live?"),
        (("My sister is called Ida.",), "Do you remember what my sister is called?"),
        (("How much is a tent?",), "Say that in French, please."),
        (("When does the kiosk open?",), "Are you sure about that?"),
        (("How long is the warranty?",), "thanks for that"),
        (("Who teaches surfing?",), "What is the source of this?"),
    ),
)

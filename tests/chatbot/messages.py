"""Messages to a chat about documents, and the documents: small talk is told from questions.

The rule of `companion.chatbot.small_talk` was chosen on `DEVELOPMENT` and measured on `HELD_OUT`.
`questions` have their answer in the documents, `elsewhere` are questions that these do not answer,
and `talk` is neither.
"""

from typing import NamedTuple


class Messages(NamedTuple):
    """Some documents, by their headings, and messages of three kinds."""

    documents: dict[str, str]
    questions: tuple[str, ...]
    elsewhere: tuple[str, ...]
    talk: tuple[str, ...]


DEVELOPMENT = Messages(
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
HELD_OUT = Messages(
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

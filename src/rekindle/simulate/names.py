"""Given and family names of many origins, written by hand for the simulated gym; pairs are drawn at random.

One `Origin` is a group whose given and family names go together, the language its people are written to in, and
its share among the members. A name that a living person happens to bear is chance.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """Names that go together; `share` is the weight of the group among the members."""

    name: str
    language: str
    share: float
    given: tuple[str, ...]
    family: tuple[str, ...]


def _origin(name: str, language: str, share: float, given: str, family: str) -> Origin:
    return Origin(name, language, share, tuple(given.split()), tuple(family.split()))


ORIGINS: tuple[Origin, ...] = (
    _origin(
        "irish",
        "en",
        0.38,
        "Aoife Niamh Saoirse Ciara Orla Sinéad Róisín Gráinne Maeve Clodagh Deirdre Áine Caoimhe Fionnuala Eimear "
        "Siobhán Bríd Nuala Muireann Dearbhla Conor Cian Oisín Darragh Eoin Fionn Pádraig Ruairí Tadhg Cathal "
        "Declan Diarmuid Colm Fergal Brendan Ronan Shane Donal Lorcan Malachy",
        "Murphy Kelly Byrne Ryan O'Sullivan Walsh Doyle McCarthy Gallagher Doherty Kennedy Lynch Murray Quinn Moore "
        "McLoughlin O'Carroll Connolly Daly Nolan Brennan Burke Farrell Keane Hickey Kavanagh Dunne Fitzpatrick "
        "Maguire Flanagan Hogan Tierney McArdle Corrigan Rafferty Mallon Heeney Devlin Lavery Cassidy",
    ),
    _origin(
        "british",
        "en",
        0.14,
        "Emily Charlotte Hannah Imogen Poppy Harriet Rosie Isla Eleanor Phoebe Thomas Oliver Callum Euan Rhys Gareth "
        "Alistair Duncan Stuart Gavin Fraser Owen Bethan Morag",
        "Smith Taylor Hughes Wright Robinson Thompson Baxter Campbell Stewart MacLeod Ferguson Griffiths Pritchard "
        "Davies Holloway Whitfield Barlow Ashworth Hargreaves Pemberton Winslow Tranter Lockwood Fairclough",
    ),
    _origin(
        "polish",
        "pl",
        0.11,
        "Agnieszka Katarzyna Małgorzata Zofia Magdalena Joanna Ewa Dorota Piotr Krzysztof Tomasz Łukasz Wojciech "
        "Marcin Paweł Michał",
        "Nowak Wójcik Woźniak Mazur Krawczyk Zając Król Wróbel Pawlak Sikora Dudek Walczak Baran Szewczyk "
        "Kaczmarek Stępień",
    ),
    _origin(
        "lithuanian women",
        "lt",
        0.025,
        "Rūta Eglė Ieva Jurgita Daiva Rasa",
        "Kazlauskienė Petrauskaitė Jankauskaitė Stankevičiūtė Urbonaitė Žukauskienė",
    ),
    _origin(
        "lithuanian men",
        "lt",
        0.025,
        "Mindaugas Tomas Darius Kęstutis Vytautas Rimantas",
        "Kazlauskas Petrauskas Jankauskas Stankevičius Urbonas Butkus",
    ),
    _origin(
        "romanian",
        "ro",
        0.05,
        "Andreea Ioana Mihaela Elena Raluca Simona Andrei Mihai Ștefan Bogdan Radu Vlad",
        "Popescu Ionescu Dumitrescu Stoica Gheorghiu Marinescu Constantinescu Munteanu Rusu Țurcanu Dobre Lungu",
    ),
    _origin(
        "portuguese and brazilian",
        "pt",
        0.06,
        "Beatriz Larissa Camila Mariana Inês Thaís João Rafael Tiago Gustavo Vinícius Leandro",
        "Silva Oliveira Gonçalves Almeida Ribeiro Nascimento Araújo Teixeira Magalhães Figueiredo Barbosa Moreira",
    ),
    _origin(
        "spanish and latin american",
        "es",
        0.04,
        "Lucía Carmen Rocío Valentina Paula Javier Álvaro Diego Mateo Íñigo",
        "García Fernández Martínez Ibáñez Castillo Herrera Quiroga Mendoza Peralta Núñez",
    ),
    _origin(
        "german",
        "de",
        0.03,
        "Anke Friederike Jana Silke Heike Jörg Matthias Björn Torsten Lennart",
        "Müller Schröder Köhler Weiß Brandt Lindemann Vogt Hartwig Jäger Böttcher",
    ),
    _origin(
        "french",
        "fr",
        0.03,
        "Amélie Chloé Élodie Margaux Solène Théo Benoît Clément Étienne Loïc",
        "Lefèvre Moreau Girard Rousseau Chevalier Delacroix Marchand Perrin Béranger Gauthier",
    ),
    _origin(
        "nigerian and ghanaian",
        "en",
        0.04,
        "Adaeze Chioma Folake Ngozi Temitope Abena Chidi Emeka Oluwaseun Tunde Kwame Kofi",
        "Okafor Adeyemi Eze Balogun Nwosu Ogunleye Mensah Boateng Asante Owusu Okonkwo Afolabi",
    ),
    _origin(
        "indian and pakistani",
        "en",
        0.04,
        "Priya Ananya Kavya Deepika Ayesha Sana Arjun Rohan Vikram Sanjay Bilal Usman",
        "Sharma Patel Iyer Nair Reddy Chatterjee Kaur Mehta Qureshi Malik Siddiqui Joshi",
    ),
    _origin(
        "east and south-east asian",
        "en",
        0.02,
        "Mei Xiaoyan Yuki Haruka Linh Maricel Jun Wei Kenji Minho Bao Jericho",
        "Chen Wang Zhang Tanaka Sato Nguyễn Trần Santos Reyes Kim Park Lim",
    ),
    _origin(
        "ukrainian",
        "uk",
        0.02,
        "Oksana Iryna Nadiia Yuliia Taras Bohdan Andrii Mykola",
        "Shevchenko Kovalenko Bondarenko Tkachenko Melnyk Kravets Savchuk Lysenko",
    ),
    _origin(
        "arab and turkish",
        "en",
        0.01,
        "Layla Yasmin Zeynep Elif Omar Karim Emre Mustafa",
        "Haddad Nasser Khoury Mansour Yılmaz Demir Aydın Saleh",
    ),
)

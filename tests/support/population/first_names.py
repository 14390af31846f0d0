"""First names of adults in Germany, written by hand: how frequent, which are short, which are written alike."""

from itertools import accumulate

_MEN = {
    # Weight of each name of a line; chosen by hand, after how often one meets them.
    40: "Thomas Michael Andreas Stefan Christian Peter Wolfgang Klaus Frank Martin Jürgen Bernd Markus Matthias "
    "Alexander",
    24: "Hans Werner Uwe Ralf Daniel Dieter Heinz Sebastian Jan Manfred Jens Torsten Oliver Tobias Dirk Jörg Ulrich "
    "Holger Rainer Karl Florian Günter Philipp Sven Gerhard Josef Helmut Norbert Robert Horst",
    14: "Marco Johannes Herbert Carsten Patrick Marcel Dennis Simon Felix Lukas Jonas Maximilian Benjamin Tim Kai "
    "Axel Volker Joachim Georg Walter Franz Rolf Bernhard Olaf Christoph Mario Dominik Fabian David Steffen "
    "Heiko Ingo Armin Reinhard Harald Rudolf Roland Hermann Paul Kevin Nico René Lars Björn André Marc Sascha "
    "Timo Karsten",
    7: "Julian Moritz Niklas Leon Max Erik Henrik Mehmet Mustafa Ali Ahmet Murat Friedrich Wilhelm Heinrich Otto "
    "Anton Ludwig Eberhard Siegfried Gerd Willi Kurt Erich Alfred Hartmut Ernst Detlef Lothar Winfried Hubert "
    "Jochen Guido Udo Burkhard Arne Hendrik Malte Sören Thorben Hauke Till Ole Marvin Pascal Robin Rene Maik "
    "Mike Mirko Enrico Ronny",
    3: "Silvio Jakob Emil Noah Elias Ben Finn Luca Jannik Lennart Mattis Vincent Konstantin Leonhard Korbinian "
    "Xaver Alois Sepp Eugen Viktor Waldemar Igor Sergej Dimitri Andrej Wladimir Piotr Krzysztof Tomasz Marek "
    "Pawel Jaroslaw Giuseppe Salvatore Antonio Francesco Carlo José Miguel Dragan Zoran Goran Milan Nikola "
    "Hasan Hüseyin Ömer Emre Can Yusuf Ibrahim Mohammed Ahmad Omar Khaled Hassan Tarek Minh Tuan Rasmus Thies "
    "Fiete Gunnar Torben Claas Eike Falk Götz Gregor Hagen Helge Henning Ilja Ingolf Ivo Knut Kilian Lorenz "
    "Ludger Magnus Meinolf Nils Norman Raphael Richard Rüdiger Ruben Samuel Siegmar Theodor Tilman Titus "
    "Valentin Veit Vinzenz Volkmar Wenzel Wieland Wolf Adrian",
}
_WOMEN = {
    40: "Sabine Susanne Andrea Petra Monika Claudia Birgit Ursula Martina Karin Stefanie Renate Nicole Angelika "
    "Gabriele",
    24: "Heike Anja Christine Brigitte Sandra Ingrid Barbara Helga Kerstin Julia Katrin Silke Christina Anna "
    "Katharina Melanie Ute Elke Christa Maria Tanja Cornelia Sonja Bettina Simone Daniela Elisabeth Gisela "
    "Ulrike Jutta",
    14: "Anke Marion Doris Silvia Beate Manuela Regina Heidi Hannelore Erika Gerda Annette Iris Eva Astrid Kathrin "
    "Nadine Yvonne Jana Laura Lisa Sarah Jennifer Vanessa Jessica Anne Franziska Johanna Carola Christel Ilse "
    "Irene Margarete Rita Roswitha Waltraud Edith Ruth Dagmar Ines Antje Carmen Michaela Alexandra Sophie Lena "
    "Marie Theresa",
    7: "Hannah Lea Lara Sina Ina Svenja Wiebke Maike Imke Frauke Gudrun Sigrid Hildegard Irmgard Anneliese "
    "Elfriede Inge Rosemarie Marlies Margit Margot Ingeborg Thea Luise Charlotte Emilia Mia Clara Paula Nina "
    "Miriam Rebecca Judith Verena Veronika Magdalena Rosa Fatma Ayşe Emine Elif Zeynep Svetlana Olga Natalia "
    "Irina Tatjana Elena Mandy Doreen",
    3: "Peggy Cindy Kathleen Ramona Annika Friederike Henriette Leonie Antonia Josefine Amelie Pauline Greta Ida "
    "Frieda Merle Nele Jule Jette Femke Gesa Gesine Hedwig Helene Hermine Ilona Isabel Isabella Jasmin Jolanta "
    "Kira Kristin Larissa Leila Linda Lydia Malgorzata Agnieszka Katarzyna Magda Margarita Marina Martha "
    "Mathilde Merve Nadja Natascha Özlem Patricia Pia Ricarda Romy Rosalie Sabrina Samira Saskia Selin Sibylle "
    "Sigrun Solveig Stella Tabea Tamara Ulla Valerie Victoria Vera Walburga Yasemin Zita Alina Almut Amina "
    "Anastasia Angela Antje Ariane Bärbel Bianca Carla",
}
_SHORT = """
Thomas Tom Tommy; Michael Michi Micha Mike; Andreas Andi Andy; Stefan Steff; Christian Chris; Matthias Matze
Matthes; Alexander Alex Sascha; Hans Hansi; Johannes Hannes Jo; Sebastian Basti Sebi; Daniel Dani; Tobias Tobi;
Ulrich Uli Ulli; Maximilian Max Maxi; Benjamin Ben Benni; Josef Sepp Jupp Beppo; Friedrich Fritz Fred; Wilhelm
Willi Willy Helmi; Heinrich Heinz Heiner; Robert Rob Robbi; Philipp Phil; Johann Hannes; Joachim Jochen Achim;
Georg Schorsch; Franz Franzl; Bernhard Bernd Hardy; Gerhard Gerd Hardy; Rudolf Rudi Rolf; Manfred Manni Fred;
Wolfgang Wolf Wolfi; Günter Günni; Dominik Nik Domi; Nikolaus Klaus Niko; Ludwig Lutz Wiggerl; Karl Kalle Charly;
Peter Pit; Christoph Chris Stoffel; Siegfried Siggi; Eberhard Ebi; Konstantin Konni; Anton Toni; Leonhard Leo;
Raphael Raffi; Samuel Sami; Richard Richy; Dimitri Dima; Sergej Serjoscha; Giuseppe Beppe Pino; Antonio Toni;
Francesco Franco; Mohammed Mo; Vincent Vinz; Elisabeth Lisa Elli Sissi Betti; Katharina Kathi Käthe Kati;
Christina Tina Chrissi; Christine Tina Christl; Stefanie Steffi; Susanne Susi Sanne; Gabriele Gabi; Angelika Geli
Angie; Monika Moni; Ursula Uschi Ulla; Brigitte Gitte Gitta; Barbara Bärbel Babsi; Cornelia Conny Nele; Margarete
Grete Gretel Greta; Johanna Hanna Hanni; Franziska Franzi Ziska; Alexandra Alex Sandra; Melanie Mel Melli; Nicole
Nicki; Ulrike Uli Rike; Renate Reni; Martina Tina; Bettina Tina Betti; Jennifer Jenny; Jessica Jessi; Vanessa
Nessa; Magdalena Lena Leni Magda; Veronika Vroni; Theresa Resi; Helene Leni; Hildegard Hilde; Irmgard Irmi;
Waltraud Traudl; Rosemarie Rosi Romy; Anneliese Anne Liesel; Friederike Rike; Henriette Jette; Josefine Josi;
Antonia Toni; Charlotte Lotte Charly; Emilia Emmi Mila; Rebecca Becky; Isabella Bella; Tatjana Tanja; Natalia
Natascha; Victoria Vicky; Patricia Patti; Manuela Manu Ela; Michaela Michi Ela; Gisela Gisi; Sabine Bine; Katrin
Kati; Angela Angie; Anastasia Nastja; Kathrin Kati; Daniela Dani; Petra Peti; Margarita Rita; Hannelore Hanne
Lore; Ingeborg Inge
"""
_SPELLINGS = """
Stefan Stephan; Christoph Christof; Matthias Mathias; Torsten Thorsten; Günter Günther; Carsten Karsten; Klaus
Claus; Karl Carl; Ralf Ralph; Philipp Philip Phillip; Marc Mark; Marco Marko; Detlef Detlev; Walter Walther;
Norbert Norbart; Jörg Joerg Jörgen; Rainer Reiner; Jens Jenz; Erik Eric; Lukas Lucas; Niklas Niclas; Josef Joseph;
Sven Swen; Rüdiger Rudiger; Bernd Bernt; Gerd Gert; Kai Kay; Dirk Dierk; Maik Meik; Nico Niko; Jannik Yannik; Luca
Luka; Timo Thimo; Fabian Fabien; Katrin Kathrin Catrin; Silvia Sylvia; Maike Meike; Nicole Nikole; Stefanie
Stephanie; Sophie Sofie; Christina Kristina; Claudia Klaudia; Sandra Zandra; Yvonne Ivonne; Jutta Juta; Annette
Anette; Ulrike Ulricke; Birgit Birgitt; Hannah Hanna; Lea Leah; Sarah Sara; Theresa Teresa; Tanja Tanya; Nadja
Nadia; Katharina Catharina; Cornelia Kornelia; Clara Klara; Carola Karola; Judith Judit; Charlotte Scharlotte;
Elisabeth Elisabet; Margarete Margarethe; Dagmar Dagmer; Isabel Isabell
"""
_TWINS = """
Tim Tom; Jan Jens; Lena Lea; Anna Anne; Lisa Laura; Marie Maria; Jana Jan; Nina Ina; Felix Florian; Lukas Jonas;
Max Moritz; Leon Luca; Julia Julian; Sophie Sarah; Paul Paula; Christian Christina; Michael Michaela; Daniel
Daniela; Stefan Stefanie; Martin Martina; Simon Simone; Finn Ben; Emma Emil; Mia Pia; Hannah Johanna; Karin
Katrin; Kerstin Kirsten; Sven Swantje; Andreas Andrea; Alexander Alexandra; Ralf Rolf; Nico Niko; Kai Kaja; Eva
Ava; Jonas Jonathan; Maike Meike; Marco Mario
"""


def _weighted(names: dict[int, str]) -> tuple[list[str], list[int]]:
    pairs = [(name, weight) for weight, text in names.items() for name in text.split()]
    return [name for name, _ in pairs], list(accumulate(weight for _, weight in pairs))


def _table(text: str) -> dict[str, list[str]]:
    rows = (row.split() for row in text.split(";"))
    return {name: others for name, *others in rows}


NAMES, CUMULATED = {}, {}
for _sex, _names in (("m", _MEN), ("f", _WOMEN)):
    NAMES[_sex], CUMULATED[_sex] = _weighted(_names)
"""The names of each sex, and their weights added up, as `random.choices` takes them."""
SHORT = _table(_SHORT)
"""What somebody of a name is called."""
SPELLINGS = _table(_SPELLINGS)
"""How a name that is heard is also written."""
TWINS = [tuple(pair.split()) for pair in _TWINS.split(";")]
"""What parents call twins."""
SECOND = {
    "m": "Peter Heinz Josef Dieter Jürgen Georg Maria Otto Wilhelm Werner Paul Joachim Michael Uwe Christian".split(),
    "f": "Maria Marie Luise Sophie Lena Katharina Christin Rose Theresa Elisabeth Charlotte Karin Lotte".split(),
}
"""What stands behind the hyphen of a double name, or is a second name."""

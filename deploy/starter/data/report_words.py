"""Sentence forms of the reports, one for each letter of `form`, in groups by state.

AXIS and TIME are filled by data/report.py (with a space before them, or empty). The sentences must read well whatever device, number and unit
stand in the slots: {device} never takes an article, quantities stand after "at", "by", "von", "bei", "um", "auf", and nothing agrees with them."""

LEAD = {"en": {"info": "Note: ", "warning": "Warning: ", "critical": "Critical: "}, "de": {"info": "Hinweis: ", "warning": "Warnung: ", "critical": "Kritisch: "}}
HOW = {"en": {"info": "slightly", "warning": "clearly", "critical": "far"}, "de": {"info": "leicht", "warning": "deutlich", "critical": "weit"}}
MORE = {"en": {"info": "a little more than", "warning": "clearly more than", "critical": "far more than"}, "de": {"info": "etwas mehr als", "warning": "deutlich mehr als", "critical": "weit mehr als"}}

# BE: "has been" when a time is said, else "is"; REPORT, SHOW, VARY likewise. SIDE: "slightly above". LEVEL: "slightly too high".
ENGLISH = {
    "value": [
        "the {sensor} of {device}AXIS BE at {value}TIME, SIDE the usual {baseline}.",
        "{device} REPORT the {sensor}AXIS at {value}TIME, SIDE the usual {baseline}.",
        "at {device}, the {sensor}AXIS BE at {value}TIME; that is SIDE the usual {baseline}.",
        "the {sensor} at {device}AXIS BE {value}TIME. This is SIDE the usual value of {baseline}.",
        "the {sensor}AXIS of {device} stands at {value}. It BE SIDE its usual value of {baseline}TIME.",
        "compared with the usual {baseline}, the {sensor} of {device}AXIS BE LEVEL at {value}TIME.",
    ],
    "unsteady": [
        "the {sensor} of {device}AXIS VARY by {value}TIME, MORE the usual {baseline}.",
        "{device} REPORT an unsteady {sensor}AXISTIME: it varies by {value}, MORE the usual {baseline}.",
        "at {device}, the {sensor}AXIS BE unsteadyTIME. It varies by {value}, MORE the usual {baseline}.",
        "the {sensor}AXIS of {device} VARY by {value}TIME; that is MORE the usual spread of {baseline}.",
        "{device} SHOW changes of {value} in its {sensor}AXISTIME, MORE the usual {baseline}.",
        "compared with the usual spread of {baseline}, the {sensor} of {device}AXIS is unsteady: it VARY by {value}TIME.",
    ],
    "stuck": [
        "the {sensor} of {device}AXIS BE stuck at {value}TIME; it usually varies by {baseline}.",
        "{device} REPORT the {sensor}AXIS unchanged at {value}TIME, although it usually varies by {baseline}.",
        "at {device}, the {sensor}AXIS BE frozen at {value}TIME. Changes of {baseline} are usual.",
        "the {sensor}AXIS of {device} BE unchanged at {value}TIME, while changes of {baseline} are usual.",
        "the {sensor} at {device}AXIS BE exactly {value}TIME, although it usually varies by {baseline}.",
        "instead of varying by {baseline} as usual, the {sensor} of {device}AXIS BE unchanged at {value}TIME.",
    ],
}

# NOM, AKK: the article of the sensor in that case; BEI: "bei der" or "beim". A capital where the sentence begins. PRO: er, sie, es; CAP: Er, Sie, Es.
GERMAN = {
    "value": [
        "NOM {sensor} von {device}AXIS liegtTIME bei {value}, SIDE dem üblichen Wert von {baseline}.",
        "{device} meldetTIME für AKK {sensor}AXIS einen Wert von {value}, SIDE dem üblichen Wert von {baseline}.",
        "bei {device} liegt NOM {sensor}AXISTIME bei {value}. Das liegt SIDE dem üblichen Wert von {baseline}.",
        "NOM {sensor}AXIS stehtTIME bei {device} auf {value} und damit SIDE dem üblichen Wert von {baseline}.",
        "mit {value} liegt NOM {sensor} von {device}AXISTIME SIDE dem üblichen Wert von {baseline}.",
        "{device} zeigtTIME BEI {sensor}AXIS einen Wert von {value}; das liegt SIDE dem üblichen Wert von {baseline}.",
    ],
    "unsteady": [
        "NOM {sensor} von {device}AXIS schwanktTIME um {value}, MORE die übliche Schwankung von {baseline}.",
        "bei {device} ist NOM {sensor}AXISTIME unruhig: CAP schwankt um {value}, MORE die üblichen Schwankungen von {baseline}.",
        "{device} meldetTIME für AKK {sensor}AXIS Schwankungen von {value}. Üblich sind Schwankungen von {baseline}.",
        "NOM {sensor}AXIS schwanktTIME bei {device} um {value}; sonst sind Schwankungen von {baseline} üblich.",
        "mit Schwankungen von {value} ist NOM {sensor} von {device}AXISTIME unruhig; üblich sind Schwankungen von {baseline}.",
        "{device} zeigtTIME BEI {sensor}AXIS Schwankungen von {value}, MORE die sonst üblichen Schwankungen von {baseline}.",
    ],
    "stuck": [
        "NOM {sensor} von {device}AXIS stehtTIME unverändert bei {value}; üblich sind Schwankungen von {baseline}.",
        "bei {device} hängt NOM {sensor}AXISTIME bei {value} fest, obwohl PRO sonst um {baseline} schwankt.",
        "{device} meldetTIME für AKK {sensor}AXIS unverändert einen Wert von {value}. Üblich sind Schwankungen von {baseline}.",
        "NOM {sensor}AXIS bleibtTIME bei {device} unverändert auf {value}, obwohl sonst Schwankungen von {baseline} üblich sind.",
        "statt wie üblich um {baseline} zu schwanken, bleibt NOM {sensor} von {device}AXISTIME bei {value}.",
        "{device} zeigtTIME BEI {sensor}AXIS unverändert einen Wert von {value}; sonst schwankt PRO um {baseline}.",
    ],
}

ADVICE = {
    "en": {
        ("value", "info"): ["Keep an eye on it.", "No action is needed yet.", "Watch how it develops.", "Have a look at it when you pass by."],
        ("value", "warning"): ["Plan an inspection soon.", "Have it checked in the next few days.", "Check it at the next opportunity.", "It should be inspected soon."],
        ("value", "critical"): ["Stop operation and inspect it now.", "Act at once: switch it off and have it checked.", "Switch it off and find the cause before restarting.", "Shut it down now and call maintenance."],
        ("unsteady", "info"): ["Watch whether it settles.", "Keep an eye on it.", "No action is needed yet."],
        ("unsteady", "warning"): ["Look for loose parts or a loose contact soon.", "Have the fastening and the cable checked soon.", "Check the mounting at the next opportunity."],
        ("unsteady", "critical"): ["Stop operation and look for the cause now.", "Switch it off now and check for loose parts.", "Shut it down and have the mounting checked at once."],
        ("stuck", "info"): ["Check the sensor on the next round.", "Watch whether it starts to change again.", "Have a look at the sensor when you pass by."],
        ("stuck", "warning"): ["The sensor may be faulty; check its cable soon.", "Have the sensor and its cable checked soon.", "Plan to test the sensor soon."],
        ("stuck", "critical"): ["Do not trust this reading; replace the sensor now.", "Do not rely on it: check the sensor at once.", "Treat this reading as wrong and check the sensor now."],
    },
    "de": {
        ("value", "info"): ["Bitte im Auge behalten.", "Noch ist nichts zu tun.", "Den Verlauf beobachten.", "Beim nächsten Rundgang einen Blick darauf werfen."],
        ("value", "warning"): ["Bald eine Wartung einplanen.", "In den nächsten Tagen prüfen lassen.", "Bei nächster Gelegenheit prüfen.", "Eine Prüfung ist bald nötig."],
        ("value", "critical"): ["Den Betrieb stoppen und sofort prüfen.", "Sofort handeln: abschalten und prüfen lassen.", "Abschalten und vor dem Neustart die Ursache suchen.", "Sofort abschalten und die Wartung rufen."],
        ("unsteady", "info"): ["Beobachten, ob sich der Wert beruhigt.", "Bitte im Auge behalten.", "Noch ist nichts zu tun."],
        ("unsteady", "warning"): ["Bald nach losen Teilen oder einem Wackelkontakt suchen.", "Befestigung und Kabel bald prüfen lassen.", "Die Halterung bei nächster Gelegenheit prüfen."],
        ("unsteady", "critical"): ["Den Betrieb stoppen und sofort die Ursache suchen.", "Sofort abschalten und nach losen Teilen suchen.", "Sofort abschalten und die Befestigung prüfen lassen."],
        ("stuck", "info"): ["Den Sensor beim nächsten Rundgang prüfen.", "Beobachten, ob sich der Wert wieder ändert.", "Bei Gelegenheit einen Blick auf den Sensor werfen."],
        ("stuck", "warning"): ["Der Sensor ist vielleicht defekt; bald das Kabel prüfen.", "Sensor und Kabel bald prüfen lassen.", "Bald einen Test des Sensors einplanen."],
        ("stuck", "critical"): ["Diesem Wert nicht trauen; den Sensor sofort ersetzen.", "Nicht darauf verlassen: den Sensor sofort prüfen.", "Diesen Wert als falsch ansehen und den Sensor sofort prüfen."],
    },
}

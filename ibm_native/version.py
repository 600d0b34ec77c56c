"""The provider's version, in its one place: the plugin's answer, the schema and the user agent take it from here."""

VERSION = "0.1.0"
PACKAGE = "ibm-native"

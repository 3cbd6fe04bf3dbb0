"""The processes of plexsphere: composition roots and command lines."""

# args: --help
import argparse

argparse.ArgumentParser(description="shows the script's name").parse_args()

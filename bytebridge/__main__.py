from bytebridge.cli import main

main()

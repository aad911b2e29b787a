"""What tests share: servers, files, people and settings made for them."""

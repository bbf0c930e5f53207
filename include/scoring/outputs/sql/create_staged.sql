CREATE TABLE staged ({columns})

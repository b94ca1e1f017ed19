//! Recursive descent over the tokens, going on after a problem so that one run tells of many.

use std::borrow::Cow;

use super::ast::{
    CimType, ClassDeclaration, Document, Extent, Flavor, InstanceDeclaration, Item, MethodDeclaration,
    ParameterDeclaration, Pragma, PropertyDeclaration, Qualifier, QualifierDeclaration, TypeName, Value,
};
use super::lexer::{Kind, Lexer, Token};
use super::literal::{self, Malformed, Unescaped};
use super::{MAX_DEPTH, MAX_NOTES, MAX_PROBLEMS, MofError, Note, Problem};

type Parsed<T> = Result<T, Problem>;

pub(super) struct Parser<'a> {
    source: &'a str,
    lexer: Lexer<'a>,
    token: Token<'a>,
    /// Braces open before `token`; tells recovery where it is.
    braces: usize,
    /// Values and instances open around the one being read.
    nesting: usize,
    problems: Vec<Problem>,
    notes: Vec<Note>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let mut lexer = Lexer::new(source);
        let token = lexer.next();
        Self { source, lexer, token, braces: 0, nesting: 0, problems: Vec::new(), notes: Vec::new() }
    }

    pub(super) fn document(mut self) -> Result<Document<'a>, MofError> {
        let mut items = Vec::new();
        while self.token.kind != Kind::End {
            // One too many says nothing.
            if self.take(b';') {
                continue;
            }
            match self.production() {
                Ok(item) => items.push(item),
                Err(problem) => {
                    self.report(problem);
                    self.skip_past_semicolon(0);
                }
            }
        }
        if self.problems.is_empty() {
            Ok(Document { items, notes: self.notes })
        } else {
            Err(MofError::new(self.problems))
        }
    }

    fn production(&mut self) -> Parsed<Item<'a>> {
        if self.take(b'#') {
            return self.pragma().map(Item::Pragma);
        }
        let qualifiers = self.qualifiers()?;
        if self.take_keyword("class") {
            self.class(qualifiers).map(Item::Class)
        } else if self.take_keyword("instance") {
            let instance = self.instance(qualifiers)?;
            self.closing_semicolon("the instance");
            Ok(Item::Instance(instance))
        } else if qualifiers.is_empty() && self.take_keyword("qualifier") {
            self.qualifier_declaration().map(Item::Qualifier)
        } else if qualifiers.is_empty() {
            Err(self.unexpected("`class`, `instance of`, `Qualifier` or `#pragma`"))
        } else {
            Err(self.unexpected("`class` or `instance of` after the qualifiers"))
        }
    }

    fn pragma(&mut self) -> Parsed<Pragma<'a>> {
        if !self.take_keyword("pragma") {
            return Err(self.unexpected("`pragma`"));
        }
        let name = self.word("the name of the pragma")?;
        let mut arguments = Vec::new();
        if self.take(b'(') {
            while !self.at(b')') {
                arguments.push(match self.token.kind {
                    Kind::Word => Value::Word(self.advance().text),
                    Kind::Text => Value::Text(self.joined_text(literal::path)),
                    _ => self.value()?,
                });
                if !self.take(b',') {
                    break;
                }
            }
            self.mark(b')', "`)` after the pragma")?;
        }
        Ok(Pragma { name, arguments })
    }

    fn qualifier_declaration(&mut self) -> Parsed<QualifierDeclaration<'a>> {
        let name = self.word("the name of the qualifier")?;
        self.mark(b':', "`:` and a type")?;
        let Kind::Word = self.token.kind else {
            return Err(self.unexpected("a type"));
        };
        let Ok(cim_type) = self.token.text.parse() else {
            return Err(self.unexpected("a CIM type"));
        };
        self.advance();
        let extent = self.extent()?;
        let default = if self.take(b'=') { Some(self.value()?) } else { None };
        let mut scopes = Vec::new();
        let mut flavors = Vec::new();
        while self.take(b',') {
            if self.take_keyword("scope") {
                scopes = self.words_in_parentheses("a scope")?;
            } else if self.take_keyword("flavor") {
                flavors = self.words_in_parentheses("a flavor")?.into_iter().map(Flavor::from).collect();
            } else {
                return Err(self.unexpected("`Scope` or `Flavor`"));
            }
        }
        self.mark(b';', &format!("`;` after the qualifier `{name}`"))?;
        Ok(QualifierDeclaration { name, cim_type, extent, default, scopes, flavors })
    }

    fn class(&mut self, qualifiers: Vec<Qualifier<'a>>) -> Parsed<ClassDeclaration<'a>> {
        let position = self.token.at;
        let name = self.word("the name of the class")?;
        let alias = self.alias()?;
        let superclass = if self.take(b':') { Some(self.word("the name of the superclass")?) } else { None };
        let mut class = ClassDeclaration {
            position,
            qualifiers,
            name,
            alias,
            superclass,
            properties: Vec::new(),
            methods: Vec::new(),
        };
        self.mark(b'{', &format!("`{{` and the features of class `{name}`"))?;
        let inside = self.braces;
        while !self.at(b'}') {
            if self.token.kind == Kind::End {
                return Err(self.unexpected(&format!("`}}` at the end of class `{name}`")));
            }
            if let Err(problem) = self.feature(&mut class) {
                self.report(problem);
                self.skip_past_semicolon(inside);
            }
        }
        self.advance();
        self.closing_semicolon(&format!("class `{name}`"));
        Ok(class)
    }

    /// A property, a reference or a method.
    fn feature(&mut self, class: &mut ClassDeclaration<'a>) -> Parsed<()> {
        let qualifiers = self.qualifiers()?;
        let type_name = if self.take_keyword("void") { None } else { Some(self.type_name("a type")?) };
        let position = self.token.at;
        let name = self.word("the name of a property or method")?;
        if self.take(b'(') {
            let parameters = self.parameters(name)?;
            self.mark(b';', &format!("`;` after the method `{name}`"))?;
            class.methods.push(MethodDeclaration { position, qualifiers, return_type: type_name, name, parameters });
            return Ok(());
        }
        let Some(type_name) = type_name else {
            return Err(self.unexpected("`(` after the name of a void method"));
        };
        let extent = self.extent()?;
        let default = if self.take(b'=') { Some(self.value()?) } else { None };
        self.mark(b';', &format!("`;` after the property `{name}`"))?;
        class.properties.push(PropertyDeclaration { position, qualifiers, type_name, name, extent, default });
        Ok(())
    }

    fn parameters(&mut self, method: &str) -> Parsed<Vec<ParameterDeclaration<'a>>> {
        let mut parameters = Vec::new();
        if self.take(b')') {
            return Ok(parameters);
        }
        loop {
            let qualifiers = self.qualifiers()?;
            let type_name = self.type_name("the type of a parameter")?;
            let position = self.token.at;
            let name = self.word("the name of a parameter")?;
            let extent = self.extent()?;
            let default = if self.take(b'=') { Some(self.value()?) } else { None };
            parameters.push(ParameterDeclaration { position, qualifiers, type_name, name, extent, default });
            if self.take(b')') {
                return Ok(parameters);
            }
            self.mark(b',', &format!("`,` or `)` after a parameter of `{method}`"))?;
        }
    }

    fn type_name(&mut self, expected: &str) -> Parsed<TypeName<'a>> {
        let word = self.word(expected)?;
        Ok(match word.parse() {
            Ok(CimType::Reference) | Err(_) if self.take_keyword("ref") => TypeName::Reference(word),
            Ok(CimType::Reference) | Err(_) => TypeName::Object(word),
            Ok(simple) => TypeName::Simple(simple),
        })
    }

    fn extent(&mut self) -> Parsed<Extent> {
        if !self.take(b'[') {
            return Ok(Extent::Scalar);
        }
        if self.take(b']') {
            return Ok(Extent::Array);
        }
        let size = match self.token.kind {
            Kind::Number => literal::number(self.token.text).ok(),
            _ => None,
        };
        let Some(Value::Integer(size)) = size else {
            return Err(self.unexpected("`]` or a size"));
        };
        let Ok(size) = u64::try_from(size) else {
            return Err(self.unexpected("`]` or a size"));
        };
        self.advance();
        self.mark(b']', "`]`")?;
        Ok(Extent::Fixed(size))
    }

    fn qualifiers(&mut self) -> Parsed<Vec<Qualifier<'a>>> {
        let mut qualifiers = Vec::new();
        if !self.take(b'[') {
            return Ok(qualifiers);
        }
        loop {
            let name = self.word("the name of a qualifier")?;
            let value = if self.take(b'(') {
                let value = self.value()?;
                self.mark(b')', &format!("`)` after the value of `{name}`"))?;
                Some(value)
            } else if self.at(b'{') {
                Some(self.value()?)
            } else {
                None
            };
            let mut flavors = Vec::new();
            if self.take(b':') {
                flavors.push(Flavor::from(self.word("a flavor")?));
                while self.token.kind == Kind::Word {
                    flavors.push(Flavor::from(self.advance().text));
                }
            }
            qualifiers.push(Qualifier { name, value, flavors });
            if self.take(b']') {
                return Ok(qualifiers);
            }
            self.mark(b',', &format!("`,` or `]` after the qualifier `{name}`"))?;
        }
    }

    /// After `instance`; the semicolon behind it is the caller's, since a nested instance has none.
    fn instance(&mut self, qualifiers: Vec<Qualifier<'a>>) -> Parsed<InstanceDeclaration<'a>> {
        if !self.take_keyword("of") {
            return Err(self.unexpected("`of` after `instance`"));
        }
        let class = self.word("the class of the instance")?;
        let alias = self.alias()?;
        let mut values = Vec::new();
        self.mark(b'{', &format!("`{{` and the values of the instance of `{class}`"))?;
        while !self.take(b'}') {
            self.qualifiers()?;
            let name = self.word("the name of a property, or `}`")?;
            self.mark(b'=', &format!("`=` after the property `{name}`"))?;
            let value = self.value()?;
            self.mark(b';', &format!("`;` after the value of `{name}`"))?;
            values.push((name, value));
        }
        Ok(InstanceDeclaration { qualifiers, class, alias, values })
    }

    fn alias(&mut self) -> Parsed<Option<&'a str>> {
        if !self.take_keyword("as") {
            return Ok(None);
        }
        match self.token.kind {
            Kind::Alias if !self.token.text.is_empty() => Ok(Some(self.advance().text)),
            _ => Err(self.unexpected("an alias such as `$Name`")),
        }
    }

    fn value(&mut self) -> Parsed<Value<'a>> {
        if self.nesting >= MAX_DEPTH {
            return Err(self.unexpected(&format!("at most {MAX_DEPTH} values inside each other")));
        }
        self.nesting += 1;
        let value = self.value_inside();
        self.nesting -= 1;
        value
    }

    fn value_inside(&mut self) -> Parsed<Value<'a>> {
        let kind = self.token.kind;
        match kind {
            Kind::Text => Ok(Value::Text(self.joined_text(literal::unescape))),
            Kind::Number => {
                let value = literal::number(self.token.text).map_err(|bad| self.malformed(&bad, 0))?;
                self.advance();
                Ok(value)
            }
            Kind::Char => {
                let value = literal::character(self.token.text).map_err(|bad| self.malformed(&bad, 1))?;
                self.advance();
                Ok(Value::Char(value))
            }
            Kind::Alias if !self.token.text.is_empty() => Ok(Value::Alias(self.advance().text)),
            Kind::Mark(b'{') => self.array(),
            Kind::Word if self.take_keyword("null") => Ok(Value::Null),
            Kind::Word if self.take_keyword("true") => Ok(Value::Boolean(true)),
            Kind::Word if self.take_keyword("false") => Ok(Value::Boolean(false)),
            Kind::Word if self.take_keyword("instance") => {
                self.instance(Vec::new()).map(|instance| Value::Instance(Box::new(instance)))
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn array(&mut self) -> Parsed<Value<'a>> {
        self.advance();
        let mut values = Vec::new();
        if self.take(b'}') {
            return Ok(Value::Array(values));
        }
        loop {
            values.push(self.value()?);
            if self.take(b'}') {
                return Ok(Value::Array(values));
            }
            self.mark(b',', "`,` or `}` in the array")?;
        }
    }

    /// Texts standing side by side are one text.
    fn joined_text(&mut self, read: fn(&'a str) -> Unescaped<'a>) -> Cow<'a, str> {
        let mut joined = self.one_text(read);
        while self.token.kind == Kind::Text {
            let more = self.one_text(read);
            joined.to_mut().push_str(&more);
        }
        joined
    }

    fn one_text(&mut self, read: fn(&'a str) -> Unescaped<'a>) -> Cow<'a, str> {
        let token = self.advance();
        let Unescaped { text, stray } = read(token.text);
        if let Some(offset) = stray.filter(|_| self.notes.len() < MAX_NOTES) {
            let shown: String = token.text.get(offset..).unwrap_or_default().chars().take(10).collect();
            self.notes.push(Note::at(
                self.source,
                token.at + 1 + offset,
                format!("the backslash of `{shown}` begins no escape, and is taken as it stands"),
            ));
        }
        text
    }

    fn words_in_parentheses(&mut self, expected: &str) -> Parsed<Vec<&'a str>> {
        self.mark(b'(', "`(`")?;
        let mut words = Vec::new();
        loop {
            words.push(self.word(expected)?);
            if self.take(b')') {
                return Ok(words);
            }
            self.mark(b',', "`,` or `)`")?;
        }
    }

    fn word(&mut self, expected: &str) -> Parsed<&'a str> {
        match self.token.kind {
            Kind::Word => Ok(self.advance().text),
            _ => Err(self.unexpected(expected)),
        }
    }

    fn mark(&mut self, mark: u8, expected: &str) -> Parsed<()> {
        if self.take(mark) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    /// A forgotten semicolon behind a brace is told of, and nothing need be skipped for it.
    fn closing_semicolon(&mut self, what: &str) {
        if !self.take(b';') {
            let problem = self.unexpected(&format!("`;` after {what}"));
            self.report(problem);
        }
    }

    fn take(&mut self, mark: u8) -> bool {
        let here = self.at(mark);
        if here {
            self.advance();
        }
        here
    }

    fn at(&self, mark: u8) -> bool {
        self.token.kind == Kind::Mark(mark)
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let here = self.token.kind == Kind::Word && self.token.text.eq_ignore_ascii_case(keyword);
        if here {
            self.advance();
        }
        here
    }

    fn advance(&mut self) -> Token<'a> {
        match self.token.kind {
            Kind::Mark(b'{') => self.braces += 1,
            Kind::Mark(b'}') => self.braces = self.braces.saturating_sub(1),
            _ => {}
        }
        std::mem::replace(&mut self.token, self.lexer.next())
    }

    /// Goes behind the next semicolon with `inside` open braces, or up to the brace that closes them.
    fn skip_past_semicolon(&mut self, inside: usize) {
        while self.token.kind != Kind::End {
            if self.braces <= inside {
                if self.take(b';') {
                    return;
                }
                if inside > 0 && self.at(b'}') {
                    return;
                }
            }
            self.advance();
        }
    }

    fn report(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
        if self.problems.len() >= MAX_PROBLEMS {
            self.token = Token { kind: Kind::End, text: "", at: self.source.len() };
            self.lexer = Lexer::new("");
        }
    }

    fn unexpected(&self, expected: &str) -> Problem {
        let expected = match self.token.kind {
            Kind::Bad(better) => better,
            _ => expected,
        };
        Problem::at(self.source, self.token.at, expected, self.token.shown())
    }

    fn malformed(&self, bad: &Malformed, inside: usize) -> Problem {
        // The offset counts from behind the quote; the backslash is one before it.
        let at = self.token.at + inside + bad.offset.saturating_sub(1);
        Problem::at(self.source, at, bad.expected, self.token.shown())
    }
}

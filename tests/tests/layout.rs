//! The layout of the crates: modules import in one direction only, no file is long, and public types can grow.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The crates whose layout is checked.
const CRATES: [&str; 3] = ["plugin-core", "plugin-macros", "plugin-host"];

/// The most lines that a file may have, tests and comments included.
const MAX_LINES: usize = 600;

/// A module, as the names that lead to it from the crate.
type Module = Vec<String>;

/// The modules of a crate that have files of their own, with these files.
fn modules(source: &Path) -> BTreeMap<Module, PathBuf> {
    let mut found = BTreeMap::new();
    let mut directories = vec![source.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(source).unwrap().with_extension("");
                let mut names: Module =
                    relative.iter().map(|name| name.to_str().expect("file names are text").to_owned()).collect();
                names.pop_if(|last| last == "mod" || last == "lib");
                assert!(found.insert(names, path).is_none(), "a module has one file");
            }
        }
    }
    found
}

/// The paths that a module's source names, without those in its tests.
///
/// Only paths that begin with `crate`, `super` or `self`, or with a module in this one, are of interest. They are given from
/// the crate.
struct Paths<'a> {
    modules: &'a BTreeMap<Module, PathBuf>,
    found: BTreeSet<Module>,
    /// The names that the module imports, and so passes on to modules inside or to others, with the paths that they stand for.
    passed_on: BTreeMap<Module, Module>,
}

impl Paths<'_> {
    /// Reads the tokens of the module `inside`.
    fn read(&mut self, tokens: TokenStream, inside: &Module) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at..] {
                [TokenTree::Punct(hash), TokenTree::Group(attribute), ..]
                    if hash.as_char() == '#' && is_for_tests(&attribute.stream()) =>
                {
                    at += 2;
                    // The item ends with its braces or its semicolon.
                    while at < tokens.len() && !ends_item(&tokens[at]) {
                        at += 1;
                    }
                    at += 1;
                }
                // A macro's `$crate` is the crate of that name wherever the macro is used.
                [TokenTree::Punct(dollar), TokenTree::Ident(_), ..] if dollar.as_char() == '$' => at += 2,
                [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(body), ..] if word == "mod" => {
                    let inner: Module = inside.iter().cloned().chain([name.to_string()]).collect();
                    self.read(body.stream(), &inner);
                    at += 3;
                }
                [TokenTree::Ident(word), TokenTree::Ident(_), ..] if word == "mod" => at += 2,
                // How far an item is visible is no import.
                [TokenTree::Ident(word), TokenTree::Group(_), ..] if word == "pub" => at += 2,
                [TokenTree::Ident(word), ..] if word == "use" => {
                    let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';');
                    let end = tokens[at..].iter().position(is_end).map_or(tokens.len(), |length| at + length);
                    for (path, name) in self.imports(&tokens[at + 1..end], inside, &[]) {
                        self.passed_on.insert(inside.iter().cloned().chain([name]).collect(), path.clone());
                        self.found.insert(path);
                    }
                    at = end + 1;
                }
                [TokenTree::Ident(_), ..] => {
                    let follows_path = at >= 2 && is_colon(&tokens[at - 1]) && is_colon(&tokens[at - 2]);
                    let (names, end) = names(&tokens, at);
                    if !follows_path && names.len() > 1 {
                        self.found.extend(self.resolved(&names, inside));
                    }
                    at = end;
                }
                [TokenTree::Group(group), ..] => {
                    self.read(group.stream(), inside);
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// The paths in a tree of imports that begins with `before`, each with the name that it gets here.
    fn imports(&self, tree: &[TokenTree], inside: &Module, before: &[String]) -> Vec<(Module, String)> {
        let (more, end) = names(tree, 0);
        let path: Vec<String> = before.iter().cloned().chain(more).collect();
        if let Some(TokenTree::Group(group)) = tree.get(end) {
            let branches = branches(group.stream());
            return branches.iter().flat_map(|branch| self.imports(branch, inside, &path)).collect();
        }
        let path: Vec<String> = path
            .into_iter()
            .enumerate()
            .filter(|(at, name)| *at == 0 || name != "self")
            .map(|(_, name)| name)
            .collect();
        let name = match &tree[end..] {
            [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "as" => name.to_string(),
            _ => path.last().cloned().unwrap_or_default(),
        };
        self.resolved(&path, inside).into_iter().map(|path| (path, name.clone())).collect()
    }

    /// The path from the crate, if these names lead to something in it.
    fn resolved(&self, names: &[String], inside: &Module) -> Option<Module> {
        let (first, rest) = names.split_first()?;
        let mut path = match first.as_str() {
            "crate" => Vec::new(),
            "self" => inside.clone(),
            "super" => inside[..inside.len().saturating_sub(1)].to_vec(),
            child => {
                let child: Module = inside.iter().cloned().chain([child.to_owned()]).collect();
                self.modules.contains_key(&child).then_some(child)?
            }
        };
        for name in rest {
            match name.as_str() {
                "super" => _ = path.pop(),
                name => path.push(name.to_owned()),
            }
        }
        Some(path)
    }
}

/// The names that begin at a place, separated by `::`, and the place after them.
fn names(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut names = Vec::new();
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        names.push(name.to_string());
        at += 1;
        let goes_on = tokens.len() > at + 2 && is_colon(&tokens[at]) && is_colon(&tokens[at + 1]);
        if !goes_on {
            break;
        }
        at += 2;
    }
    (names, at)
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':')
}

/// Returns true if an item with this attribute is compiled only for tests: `cfg(test)`, `cfg(all(test, ..))`.
fn is_for_tests(attribute: &TokenStream) -> bool {
    let text = attribute.to_string().replace(' ', "");
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    }
}

/// The branches of a tree of imports.
fn branches(tree: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut branches = vec![Vec::new()];
    for token in tree {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => branches.push(Vec::new()),
            _ => branches.last_mut().expect("there is always one").push(token),
        }
    }
    branches.retain(|branch| !branch.is_empty());
    branches
}

/// The modules that each module imports from. A name that a module passes on counts as one of the module that defines it.
fn imports(modules: &BTreeMap<Module, PathBuf>) -> BTreeMap<&Module, BTreeSet<&Module>> {
    let read = |(module, file): (&Module, &PathBuf)| {
        let source = fs::read_to_string(file).unwrap();
        let tokens: TokenStream = source.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut paths = Paths { modules, found: BTreeSet::new(), passed_on: BTreeMap::new() };
        paths.read(tokens, module);
        (paths.found, paths.passed_on)
    };
    let (found, passed_on): (Vec<_>, Vec<_>) = modules.iter().map(read).unzip();
    let passed_on: BTreeMap<Module, Module> = passed_on.into_iter().flatten().collect();
    let owner = |path: &Module| {
        let mut path = path.clone();
        // A name may be passed on by several modules, one after the other. A module itself is not passed on.
        const MAX_TIMES: usize = 8;
        for _ in 0..MAX_TIMES {
            let is_name = |length: &usize| !modules.contains_key(&path[..*length]);
            let passed =
                (1..=path.len()).filter(is_name).find_map(|length| Some((length, passed_on.get(&path[..length])?)));
            let Some((length, origin)) = passed else { break };
            path = origin.iter().chain(&path[length..]).cloned().collect();
        }
        while !modules.contains_key(&path) {
            path.pop();
        }
        modules.get_key_value(&path).expect("it was just found").0
    };
    let imported = found.iter().map(|paths| paths.iter().map(owner).collect::<BTreeSet<_>>());
    let pairs = modules.keys().zip(imported);
    pairs
        .map(|(module, mut imported)| {
            (module, {
                _ = imported.remove(module);
                imported
            })
        })
        .collect()
}

/// The modules that a module imports from, directly or through others.
fn reached<'a>(from: &'a Module, imports: &BTreeMap<&'a Module, BTreeSet<&'a Module>>) -> BTreeSet<&'a Module> {
    let (mut reached, mut left) = (BTreeSet::new(), vec![from]);
    while let Some(module) = left.pop() {
        for next in &imports[module] {
            if reached.insert(*next) {
                left.push(next);
            }
        }
    }
    reached
}

fn source_of(crate_name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(crate_name).join("src")
}

/// Otherwise neither of two modules can be understood before the other. The crate's root is left out: it lists the public
/// names.
#[test]
fn modules_import_in_one_direction() {
    for crate_name in CRATES {
        let modules = modules(&source_of(crate_name));
        assert!(modules.len() > 5, "{crate_name} has modules");
        let mut imports = imports(&modules);
        let root = Module::new();
        imports.remove(&root);
        imports.values_mut().for_each(|imported| _ = imported.remove(&root));
        let in_circles: Vec<String> = imports
            .keys()
            .filter(|module| reached(module, &imports).contains(*module))
            .map(|module| {
                let back = |next: &&&Module| **next == *module || reached(next, &imports).contains(module);
                let ties: Vec<_> = imports[module].iter().filter(back).map(|next| next.join("::")).collect();
                format!("{} -> {}", module.join("::"), ties.join(", "))
            })
            .collect();
        assert!(in_circles.is_empty(), "{crate_name} has modules that import each other:\n{}", in_circles.join("\n"));
    }
}

#[test]
fn no_file_is_longer_than_600_lines() {
    for crate_name in CRATES {
        let long: Vec<String> = modules(&source_of(crate_name))
            .values()
            .map(|file| (file, fs::read_to_string(file).unwrap().lines().count()))
            .filter(|(_, lines)| *lines > MAX_LINES)
            .map(|(file, lines)| format!("{}: {lines}", file.display()))
            .collect();
        assert!(long.is_empty(), "these files are too long to be read once:\n{}", long.join("\n"));
    }
}

/// The public types in a source that cannot grow: enums, structs with public fields, and variants with named fields, without
/// the attribute `#[non_exhaustive]`.
fn types_that_cannot_grow(source: TokenStream) -> Vec<String> {
    let tokens: Vec<TokenTree> = source.into_iter().collect();
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let [TokenTree::Ident(public), TokenTree::Ident(kind), TokenTree::Ident(name), rest @ ..] = &tokens[at..]
        else {
            continue;
        };
        if public != "pub" || (kind != "enum" && kind != "struct") {
            continue;
        }
        let body = rest.iter().find_map(|token| match token {
            TokenTree::Group(body) => Some(body.stream().into_iter().collect::<Vec<_>>()),
            _ => None,
        });
        let Some(body) = body else { continue };
        // A field with `pub(crate)` is not public.
        let is_public = |pair: &[TokenTree]| matches!(pair, [TokenTree::Ident(a), TokenTree::Ident(_)] if a == "pub");
        let may_grow = kind == "enum" || body.windows(2).any(is_public);
        if may_grow && !is_non_exhaustive(&tokens[..at]) {
            found.push(name.to_string());
        }
        for (at, pair) in body.windows(2).enumerate() {
            if let [TokenTree::Ident(variant), TokenTree::Group(fields)] = pair
                && fields.delimiter() == Delimiter::Brace
                && !is_non_exhaustive(&body[..at])
            {
                found.push(format!("{name}::{variant}"));
            }
        }
    }
    found
}

/// Returns true if the tokens end with attributes, and one of them is this one.
fn has_attribute(before: &[TokenTree], text: &str) -> bool {
    let attributes = before.rchunks_exact(2).map_while(|pair| match pair {
        [TokenTree::Punct(hash), TokenTree::Group(attribute)] if hash.as_char() == '#' => Some(attribute.stream()),
        _ => None,
    });
    attributes.into_iter().any(|attribute| attribute.to_string() == text)
}

fn is_non_exhaustive(before: &[TokenTree]) -> bool {
    has_attribute(before, "non_exhaustive")
}

/// Otherwise one more variant or field would break programs that use the type.
#[test]
fn public_types_can_grow() {
    let sources = [source_of("plugin-host"), source_of("plugin-core").join("fault")];
    for file in sources.iter().flat_map(|source| modules(source).into_values()) {
        let found = types_that_cannot_grow(fs::read_to_string(&file).unwrap().parse().unwrap());
        assert!(found.is_empty(), "{} has public types without `#[non_exhaustive]`: {found:?}", file.display());
    }
}

/// The check itself, on types that are known.
#[test]
fn types_that_cannot_grow_are_found() {
    let found = |source: &str| types_that_cannot_grow(source.parse().unwrap());
    assert_eq!(found("/// A.\n #[non_exhaustive] #[derive(Debug)] pub enum A { B, C(u8) }"), [""; 0]);
    assert_eq!(found("#[derive(Debug)] pub enum A { B, C(u8) } #[non_exhaustive] pub enum D { E }"), ["A"]);
    assert_eq!(found("#[non_exhaustive] pub enum A { #[non_exhaustive] B { b: u8 }, C { c: u8 }, D }"), ["A::C"]);
    assert_eq!(found("pub struct A<T> { a: T, pub b: u8 } pub struct C { c: u8 } pub struct D(u8);"), ["A"]);
    assert_eq!(
        found("pub(crate) enum A { B { b: u8 } } struct C { pub c: u8 } pub struct D { pub(crate) d: u8 }"),
        [""; 0]
    );
}

/// The public enums and unions in a source, also inside of macros.
fn public_choices(source: TokenStream) -> Vec<String> {
    let tokens: Vec<TokenTree> = source.into_iter().collect();
    let inside = tokens.iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(public_choices(group.stream())),
        _ => None,
    });
    let inside: Vec<String> = inside.flatten().collect();
    let here = tokens.windows(3).filter_map(|three| match three {
        [TokenTree::Ident(public), TokenTree::Ident(kind), name] if public == "pub" => {
            (kind == "enum" || kind == "union").then(|| name.to_string())
        }
        _ => None,
    });
    here.chain(inside).collect()
}

/// Otherwise a program could match the variants of a value on its way. Then a change of a `Repr` inside of this crate would break
/// the program.
#[test]
fn reprs_do_not_show_variants() {
    for folder in ["abi", "memory", "statics", "types"] {
        for file in modules(&source_of("plugin-core").join(folder)).into_values() {
            let found = public_choices(fs::read_to_string(&file).unwrap().parse().unwrap());
            assert!(found.is_empty(), "{} has public enums or unions: {found:?}", file.display());
        }
    }
}

/// The check itself, on types that are known.
#[test]
fn public_enums_and_unions_are_found() {
    let found = |source: &str| public_choices(source.parse().unwrap());
    assert_eq!(
        found("#[repr(C)] pub enum A<T> { B(T) } pub union C { d: u8 } macro_rules! e { () => { pub enum F {} } }"),
        ["A", "C", "F"]
    );
    assert_eq!(found("enum A { B } pub(crate) enum C { D } union E { f: u8 } pub struct G { h: u8 }"), [""; 0]);
}

/// The names that the root of a crate shows: imports and modules that are public, and not hidden.
fn shown(root: TokenStream) -> Vec<String> {
    let tokens: Vec<TokenTree> = root.into_iter().collect();
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        let [TokenTree::Ident(public), TokenTree::Ident(kind), rest @ ..] = &tokens[at..] else { continue };
        if public != "pub" || has_attribute(&tokens[..at], "doc (hidden)") {
            continue;
        }
        if kind == "mod" {
            names.push(rest[0].to_string());
        } else if kind == "use" {
            let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';');
            let path = &rest[..rest.iter().position(is_end).expect("an import ends")];
            match path.last() {
                Some(TokenTree::Group(group)) => {
                    names.extend(branches(group.stream()).iter().map(|branch| branch[0].to_string()));
                }
                Some(name) => names.push(name.to_string()),
                None => {}
            }
        }
    }
    names.sort();
    names
}

/// Only `host` has items for plugin-host alone. A name that this list does not have is one more promise to all users.
#[test]
fn the_root_of_plugin_core_has_items_for_all_users_only() {
    let root = fs::read_to_string(source_of("plugin-core").join("lib.rs")).unwrap();
    let expected = [
        "Borrowed",
        "Cause",
        "Fault",
        "Function",
        "FunctionType",
        "HostAllocator",
        "Live",
        "Location",
        "Lookup",
        "PluginFn",
        "PluginMut",
        "PluginRef",
        "PluginStatic",
        "PluginType",
        "ReadGuard",
        "RemoteMutex",
        "RemoteRwLock",
        "Static",
        "WriteGuard",
        "host",
        "lent",
        "lent_mut",
        "plugin_export",
        "plugin_interface",
        "plugin_type",
    ];
    assert_eq!(shown(root.parse().unwrap()), expected);
}

/// The check itself, on a root that is known.
#[test]
fn names_in_a_root_are_found() {
    let root = "mod a; pub mod b; pub(crate) use a::c; pub use a::{D, E}; #[cfg(x)] pub use a::f; #[doc(hidden)] pub use a::g; \
                #[doc(hidden)] #[path = \"p\"] pub mod h; /// A module.\n pub mod i { pub use super::a::*; }";
    assert_eq!(shown(root.parse().unwrap()), ["D", "E", "b", "f", "i"]);
}

/// The check itself, on imports that are known.
#[test]
fn imports_are_found_however_they_are_written() {
    let module = |text: &str| text.split("::").map(str::to_owned).collect::<Module>();
    let modules: BTreeMap<Module, PathBuf> = ["a", "a::b", "c", "c::d", "e"]
        .map(|name| (module(name), PathBuf::new()))
        .into_iter()
        .chain([(Vec::new(), PathBuf::new())])
        .collect();
    let found = |source: &str| {
        let mut paths = Paths { modules: &modules, found: BTreeSet::new(), passed_on: BTreeMap::new() };
        paths.read(source.parse().unwrap(), &module("a"));
        paths.found.iter().map(|path| path.join("::")).collect::<Vec<_>>()
    };
    assert_eq!(found("use crate::c::{d::{self, X}, Y as Z};"), ["c::Y", "c::d", "c::d::X"]);
    assert_eq!(found("fn f(x: crate::c::d::X) -> super::e::E { self::b::g(x) }"), ["a::b::g", "c::d::X", "e::E"]);
    assert_eq!(found("use b::X; use std::a::b; fn f() { b::g() }"), ["a::b::X", "a::b::g"]);
    assert_eq!(found("mod inner { use super::super::c::X; }"), ["c::X"]);
    assert_eq!(found("#[cfg(test)] mod tests { use crate::c::X; } use crate::e::E;"), ["e::E"]);
    assert_eq!(found("macro_rules! m { () => { $crate::c::X } }"), [""; 0]);
    assert_eq!(found("m!(crate::c::X)"), ["c::X"]);

    let mut paths = Paths { modules: &modules, found: BTreeSet::new(), passed_on: BTreeMap::new() };
    paths.read("pub(crate) use b::{X as Y, Z}; use crate::c::W;".parse().unwrap(), &module("a"));
    let passed_on =
        [("a::W", "c::W"), ("a::Y", "a::b::X"), ("a::Z", "a::b::Z")].map(|(name, path)| (module(name), module(path)));
    assert_eq!(paths.passed_on, BTreeMap::from(passed_on));
}

/// The suite names its tests in one list, and a test that is not there would not run.
#[test]
fn the_suite_has_each_of_its_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let list = fs::read_to_string(folder.join("mod.rs")).unwrap();
    let mut count = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let file = file.unwrap().path();
        let subject = file.file_stem().unwrap().to_str().unwrap();
        let source = fs::read_to_string(&file).unwrap();
        for line in source.lines() {
            let Some(test) = line.strip_prefix("pub fn ").and_then(|line| line.strip_suffix("(mode: &Mode) {")) else {
                continue;
            };
            assert!(list.contains(&format!(" {subject}::{test},\n")), "{subject}::{test} is not in the list");
            count += 1;
        }
    }
    assert!(count >= 50, "{count}");
}
